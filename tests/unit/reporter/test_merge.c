#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/merge.h"

#include <cmocka.h>
#include <string.h>

static struct result
result(int id, uint64_t identity, enum result_status status, const char *name)
{
    struct result made = { .status = status, .duration_ms = 10, .identity = identity, .name = name };
    ids_reset(&made.ids);
    made.ids.list[made.ids.count++] = id;
    return made;
}

static enum merge_outcome
add(struct merge *merge, int id, uint64_t identity, enum result_status status, bool attempt)
{
    struct result made = result(id, identity, status, result_status_name(status));
    made.attempt = attempt;
    return merge_add(merge, &made, "file");
}

static void
different_tests(void **state)
{
    (void)state;
    struct merge *merge = merge_new(false);
    struct merged merged;
    assert_int_equal(add(merge, 7, 1, RESULT_SKIPPED, false), MERGE_NEW);
    assert_int_equal(add(merge, 7, 2, RESULT_PASS, false), MERGE_NEW);
    assert_int_equal(add(merge, 7, 3, RESULT_BLOCKED, false), MERGE_NEW);
    assert_true(merge_find(merge, 7, &merged));
    assert_int_equal(merged.status, RESULT_BLOCKED);
    assert_int_equal(add(merge, 7, 4, RESULT_FAIL, false), MERGE_NEW);
    merge_get(merge, 0, &merged);
    assert_int_equal(merged.status, RESULT_FAIL);
    assert_string_equal(merged.name, "fail");
    assert_int_equal(merged.duration_ms, 40);
    assert_int_equal(merged.tests, 4);
    assert_int_equal(merge_count(merge), 1);
    assert_false(merge_find(merge, 8, &merged));
    assert_false(merge_find(merge, -1, &merged));
    merge_free(merge);
}

static void
attempts(void **state)
{
    (void)state;
    struct merge *merge = merge_new(true); /* which does not concern attempts */
    struct merged merged;
    add(merge, 7, 1, RESULT_FAIL, true);
    assert_int_equal(add(merge, 7, 1, RESULT_PASS, true), MERGE_FLAKY);
    merge_get(merge, 0, &merged);
    assert_int_equal(merged.status, RESULT_PASS);
    assert_true(merged.flaky);
    assert_int_equal(merged.duration_ms, 10);
    assert_int_equal(add(merge, 7, 1, RESULT_FAIL, true), MERGE_EQUAL);
    merge_get(merge, 0, &merged);
    assert_int_equal(merged.status, RESULT_FAIL);
    assert_false(merged.flaky);
    merge_free(merge);
}

static void
equal_tests(void **state)
{
    (void)state;
    struct merged merged;
    for (int worst = 0; worst < 2; worst++) {
        struct merge *merge = merge_new(worst);
        add(merge, 7, 1, RESULT_FAIL, false);
        assert_int_equal(add(merge, 7, 1, RESULT_PASS, false), worst ? MERGE_EQUAL : MERGE_REPAIRED);
        merge_get(merge, 0, &merged);
        assert_int_equal(merged.status, worst ? RESULT_FAIL : RESULT_PASS);
        add(merge, 7, 1, RESULT_SKIPPED, false);
        merge_get(merge, 0, &merged);
        assert_int_equal(merged.status, worst ? RESULT_FAIL : RESULT_PASS);
        merge_free(merge);
    }
}

static void
two_files(void **state)
{
    (void)state;
    struct merge *merge = merge_new(false);
    struct merged merged;
    struct result made = result(7, 1, RESULT_FAIL, "t");
    assert_int_equal(merge_add(merge, &made, "single.xml"), MERGE_NEW);
    assert_int_equal(merge_add(merge, &made, "merged.xml"), MERGE_EQUAL);
    merge_get(merge, 0, &merged);
    assert_int_equal(merged.tests, 1);
    assert_int_equal(merged.duration_ms, 10);
    /* On another machine it passed; that does not make it pass here. */
    made.status = RESULT_PASS;
    assert_int_equal(merge_add(merge, &made, "other.xml"), MERGE_NEW);
    assert_int_equal(merge_add(merge, &made, "other.xml"), MERGE_EQUAL);
    merge_get(merge, 0, &merged);
    assert_int_equal(merged.status, RESULT_FAIL);
    assert_int_equal(merged.tests, 2);
    merge_free(merge);
}

static void
many_tests_of_one_id(void **state)
{
    (void)state;
    struct merge *merge = merge_new(false);
    struct merged merged;
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 20000; i++) {
            assert_int_equal(add(merge, 7, i * 977, RESULT_PASS, false), round ? MERGE_EQUAL : MERGE_NEW);
        }
    }
    merge_get(merge, 0, &merged);
    assert_int_equal(merged.tests, 20000);
    merge_free(merge);
}

static void
long_texts(void **state)
{
    (void)state;
    struct merge *merge = merge_new(false);
    struct merged merged;
    static char text[4001];
    memset(text, 'x', 4000);
    for (int id = 0; id < 20000; id++) {
        struct result made = result(id, 1, RESULT_FAIL, text);
        merge_add(merge, &made, "file");
    }
    merge_get(merge, 0, &merged);
    assert_int_equal(strlen(merged.name), 4000);
    merge_get(merge, 19999, &merged);
    assert_int_equal(strlen(merged.name), 256);
    merge_free(merge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(different_tests),      cmocka_unit_test(attempts),
        cmocka_unit_test(equal_tests),          cmocka_unit_test(two_files),
        cmocka_unit_test(many_tests_of_one_id), cmocka_unit_test(long_texts)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
