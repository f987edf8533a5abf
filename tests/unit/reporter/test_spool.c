#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/spool.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define URL "https://testkase.example.test"

static char folder[64];
static char error[512];

static struct spool *
open_new(void)
{
    strcpy(folder, "/tmp/spool-XXXXXX");
    assert_non_null(mkdtemp(folder));
    strcat(folder, "/a/b");
    struct spool *spool = spool_open(folder, error, sizeof(error));
    assert_non_null(spool);
    return spool;
}

static struct batch
make(void)
{
    static char bytes[] = "\x1f\x8b\n\0x";
    return (
        struct batch){ .key = "0123456789abcdef0123456789abcdef", .results = 3, .bytes = bytes, .length = 5 };
}

static char *
only_name(const struct spool *spool)
{
    size_t count;
    char **names = spool_list(spool, &count);
    assert_int_equal(count, 1);
    char *name = names[0];
    free(names);
    return name;
}

static void
a_batch_comes_back(void **state)
{
    (void)state;
    struct spool *spool = open_new();
    struct batch batch = make(), *taken;
    struct spool_file file = { 0 }, again = { 0 };
    struct stat status;
    char *url;
    int64_t age;
    assert_int_equal(spool_put(spool, URL, &batch, &file, error, sizeof(error)), 0);
    assert_int_equal(stat(file.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    char *name = only_name(spool);
    /* The process that made it sends it. */
    assert_int_equal(spool_take(spool, name, &again, &taken, &url, &age), SPOOL_BUSY);
    spool_file_close(&file, false);
    assert_int_equal(spool_take(spool, name, &again, &taken, &url, &age), SPOOL_TAKEN);
    assert_string_equal(url, URL);
    assert_string_equal(taken->key, batch.key);
    assert_int_equal(taken->results, 3);
    assert_int_equal(taken->length, 5);
    assert_memory_equal(taken->bytes, batch.bytes, 5);
    assert_true(age >= 0 && age < 60);
    batch_free(taken);
    free(url);
    spool_file_close(&again, true);
    assert_int_equal(spool_take(spool, name, &again, &taken, &url, &age), SPOOL_BUSY);
    free(name);
    spool_close(spool);
}

static void
damaged_files(void **state)
{
    (void)state;
    static const char *const contents[] = {
        "",
        "x",
        "{}\n",
        "{\"version\":2}\n",
        "{\"version\":1,\"url\":\"u\",\"idempotencyKey\":\"short\",\"results\":1,\"createdAt\":1}\n",
        "{\"version\":1,\"url\":\"u\",\"idempotencyKey\":\"0123456789abcdef0123456789abcdef\",\"results\":-1,"
        "\"createdAt\":1}\n",
    };
    struct spool *spool = open_new();
    struct spool_file file = { 0 };
    struct batch *batch;
    char path[128], *url;
    int64_t age;
    snprintf(path, sizeof(path), "%s/1.batch", folder);
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        FILE *out = fopen(path, "w");
        fputs(contents[i], out);
        fclose(out);
        assert_int_equal(spool_take(spool, "1.batch", &file, &batch, &url, &age), SPOOL_DAMAGED);
    }
    spool_close(spool);
}

static void
folders_that_are_refused(void **state)
{
    (void)state;
    spool_close(open_new());
    assert_int_equal(chmod(folder, 0777), 0);
    assert_null(spool_open(folder, error, sizeof(error)));
    assert_null(spool_open("/dev/null/x", error, sizeof(error)));
    assert_non_null(strstr(error, "cannot make the spool folder"));
    char link[80];
    assert_int_equal(chmod(folder, 0700), 0);
    snprintf(link, sizeof(link), "%s-link", folder);
    assert_int_equal(symlink(folder, link), 0);
    assert_null(spool_open(link, error, sizeof(error)));
}

static void
the_usual_folder(void **state)
{
    (void)state;
    spool_close(open_new());
    setenv("XDG_STATE_HOME", folder, 1);
    struct spool *spool = spool_open(NULL, error, sizeof(error));
    assert_non_null(spool);
    assert_ptr_equal(strstr(spool_folder(spool), folder), spool_folder(spool));
    spool_close(spool);
}

static void
a_full_spool(void **state)
{
    (void)state;
    struct spool *spool = open_new();
    struct batch batch = make();
    struct spool_file file = { 0 };
    char path[128];
    for (int i = 0; i < SPOOL_FILES_MAX; i++) {
        snprintf(path, sizeof(path), "%s/%d.batch", folder, i);
        fclose(fopen(path, "w"));
    }
    assert_int_equal(spool_put(spool, URL, &batch, &file, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "is full"));
    spool_close(spool);
}

/* What the test before left behind. */
static int
clean_up(void **state)
{
    (void)state;
    char command[160];
    folder[strlen("/tmp/spool-XXXXXX")] = '\0';
    snprintf(command, sizeof(command), "rm -rf -- %s", folder);
    return system(command);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(a_batch_comes_back, clean_up),
                                        cmocka_unit_test_teardown(damaged_files, clean_up),
                                        cmocka_unit_test_teardown(folders_that_are_refused, clean_up),
                                        cmocka_unit_test_teardown(the_usual_folder, clean_up),
                                        cmocka_unit_test_teardown(a_full_spool, clean_up) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
