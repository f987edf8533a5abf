#include "common/processors.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A tree of groups: /a/b and what is above it. */
static char root[64], self[96];

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* NULL removes it. */
static void
set_quota(const char *group, const char *text)
{
    char path[160];
    snprintf(path, sizeof(path), "%s%s/cpu.max", root, group);
    if (text) {
        write_file(path, text);
    } else {
        remove(path);
    }
}

static int
set_up(void **state)
{
    (void)state;
    static const char *const folders[] = { "/a", "/a/b" };
    char path[160];
    strcpy(root, "/tmp/test-processors-XXXXXX");
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s%s", root, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(self, sizeof(self), "%s/self", root);
    write_file(self, "4:memory:/elsewhere\n0::/a/b\n");
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    static const char *const all[] = { "/a/b/cpu.max", "/a/cpu.max", "/cpu.max", "/self", "/a/b", "/a", "" };
    char path[160];
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", root, all[i]);
        remove(path);
    }
    return 0;
}

static int
quota(void)
{
    return processors_by_quota(self, root);
}

static void
test_a_quota_is_rounded_up(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int expected;
    } cases[] = {
        { "200000 100000\n", 2 }, { "200001 100000\n", 3 },
        { "1000 100000\n", 1 },   { "50000 50000\n", 1 },
        { "max 100000\n", 0 },    { "", 0 },
        { "100000\n", 0 },        { "0 100000\n", 0 },
        { "-1 100000\n", 0 },     { "9223372036854775807 1\n", 0 },
        { "1 0\n", 0 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_quota("/a/b", cases[i].text);
        assert_int_equal(quota(), cases[i].expected);
    }
}

static void
test_the_least_of_the_group_and_those_above_counts(void **state)
{
    (void)state;
    assert_int_equal(quota(), 0);
    set_quota("", "700000 100000\n"); /* as a container sees its own */
    assert_int_equal(quota(), 7);
    set_quota("/a", "300000 100000\n");
    assert_int_equal(quota(), 3);
    set_quota("/a/b", "max 100000\n");
    assert_int_equal(quota(), 3);
    set_quota("/a/b", "400000 100000\n");
    assert_int_equal(quota(), 3);
    set_quota("/a/b", "200000 100000\n");
    assert_int_equal(quota(), 2);
    set_quota("/a", NULL);
    assert_int_equal(quota(), 2);
}

static void
test_without_groups_there_is_no_limit(void **state)
{
    (void)state;
    set_quota("/a/b", "200000 100000\n");
    write_file(self, "4:memory:/a/b\n1:cpu:/a/b\n");
    assert_int_equal(quota(), 0);
    write_file(self, "");
    assert_int_equal(quota(), 0);
    assert_int_equal(processors_by_quota("/nonexistent", root), 0);
    write_file(self, "0::/gone/away\n");
    assert_int_equal(quota(), 0);
}

static void
test_affinity_counts(void **state)
{
    (void)state;
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    int usable = processors_usable();
    assert_in_range(usable, 1, CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &all)) {
            CPU_SET(i, &one);
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(processors_usable(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    assert_int_equal(processors_usable(), usable);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_quota_is_rounded_up),
        TEST(test_the_least_of_the_group_and_those_above_counts),
        TEST(test_without_groups_there_is_no_limit),
        TEST(test_affinity_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
