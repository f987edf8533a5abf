#include "common/memory.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#else
#define HAS_SANITIZER 0
#endif

/* The sanitizers stop a program that asks for too much; here NULL must come back, as without them. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *
__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *
__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void
test_new_memory_is_zeroed(void **state)
{
    (void)state;
    const char zeros[48] = { 0 };
    char *memory = memory_new(6, 8);
    assert_memory_equal(memory, zeros, sizeof(zeros));
    memset(memory, 0xff, sizeof(zeros));
    free(memory);
}

static void
test_nothing_is_still_an_object(void **state)
{
    (void)state;
    void *none = memory_new(0, 8);
    void *empty = memory_new(8, 0);
    assert_non_null(none);
    assert_non_null(empty);
    assert_ptr_not_equal(none, empty);
    none = memory_resize(none, 0, 8);
    assert_non_null(none);
    free(none);
    free(empty);
}

static void
test_resize_keeps_content(void **state)
{
    (void)state;
    int *numbers = memory_resize(NULL, 2, sizeof(*numbers));
    numbers[0] = 7;
    numbers[1] = 9;
    numbers = memory_resize(numbers, 1000, sizeof(*numbers));
    numbers[999] = 11;
    assert_int_equal(numbers[0], 7);
    assert_int_equal(numbers[1], 9);
    free(numbers);
}

static void
test_copies_end_with_nul(void **state)
{
    (void)state;
    char *part = memory_copy_text("abcdef", 3);
    char *empty = memory_copy_text("abc", 0);
    char *nothing = memory_copy_text(NULL, 0);
    char *binary = memory_copy_text("a\0b", 3);
    assert_string_equal(part, "abc");
    assert_string_equal(empty, "");
    assert_string_equal(nothing, "");
    assert_memory_equal(binary, "a\0b", 4);
    free(part);
    free(empty);
    free(nothing);
    free(binary);
}

static void
test_duplicate(void **state)
{
    (void)state;
    const char original[] = "text";
    char *copy = memory_duplicate(original);
    assert_string_equal(copy, original);
    assert_ptr_not_equal(copy, original);
    free(copy);
    assert_null(memory_duplicate(NULL));
}

/* Calls `use` in a child, and checks that it dies of abort() after one line on stderr. */
static void
assert_aborts(void (*use)(void))
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        use();
        _exit(0);
    }
    close(ends[1]);
    char line[4096] = "";
    size_t used = 0;
    ssize_t count = 0;
    while ((count = read(ends[0], line + used, sizeof(line) - 1 - used)) > 0) {
        used += (size_t)count;
    }
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    const char *mine = strstr(line, "level=error");
    assert_non_null(mine);
    assert_non_null(strstr(mine, "out of memory"));
    assert_string_equal(strchr(mine, '\n'), "\n");
}

/* Volatile, so that the compiler does not see the overflow and refuse the test. */
static volatile size_t largest = SIZE_MAX;

static void
use_too_much(void)
{
    free(memory_new(largest / 4, 1));
}

static void
use_overflowing_new(void)
{
    free(memory_new(largest / 2, 4));
}

static void
use_overflowing_resize(void)
{
    free(memory_resize(NULL, largest / 8 + 2, 8));
}

static void
use_endless_text(void)
{
    free(memory_copy_text("", largest));
}

static void
test_failure_aborts_with_one_line(void **state)
{
    (void)state;
    assert_aborts(use_too_much);
    assert_aborts(use_overflowing_new);
    assert_aborts(use_overflowing_resize);
    assert_aborts(use_endless_text);
}

/* Small objects between others that stay: only malloc_trim() gives such memory back. Under a sanitizer, which
 * has an allocator of its own, there is nothing to see. */
static void
test_fragments_go_back(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    static char *objects[COUNT];
    struct memory_watch watch = { 0 };
    memory_watch_tick(&watch);
    for (int i = 0; i < COUNT; i++) {
        objects[i] = memory_new(1, 500);
        memset(objects[i], 1, 500);
    }
    size_t grown = memory_resident();
    for (int i = 0; i < COUNT; i++) {
        if (i % 64) {
            free(objects[i]);
        }
    }
    for (int i = 0; i < 3; i++) {
        memory_watch_tick(&watch);
    }
    size_t after = memory_resident();
    for (int i = 0; i < COUNT; i += 64) {
        free(objects[i]);
    }
    if (!HAS_SANITIZER) {
        assert_true(grown > watch.least + (80 << 20));
        assert_true(after < grown / 2);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_memory_is_zeroed),
        cmocka_unit_test(test_nothing_is_still_an_object),
        cmocka_unit_test(test_resize_keeps_content),
        cmocka_unit_test(test_copies_end_with_nul),
        cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_failure_aborts_with_one_line),
        cmocka_unit_test(test_fragments_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
