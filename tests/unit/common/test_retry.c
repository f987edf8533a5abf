#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/retry.h"
#include "common/secret.h"

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct capture {
    int pipe[2];
    int saved;
};

static void
at(int64_t milliseconds)
{
    clock_freeze((1000000 + milliseconds) * 1000, 0);
}

static int
begin(void **state)
{
    static struct capture capture;
    log_setup("test", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    at(0);
    assert_int_equal(pipe2(capture.pipe, O_NONBLOCK), 0);
    capture.saved = dup(STDERR_FILENO);
    dup2(capture.pipe[1], STDERR_FILENO);
    *state = &capture;
    return 0;
}

static int
end(void **state)
{
    struct capture *capture = *state;
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    close(capture->pipe[0]);
    close(capture->pipe[1]);
    clock_release();
    return 0;
}

/* How many lines were logged since the last look; the last of them is in `ret_text`. */
static int
logged(struct capture *capture, char *ret_text, size_t size)
{
    char bytes[4096];
    ssize_t length = read(capture->pipe[0], bytes, sizeof(bytes) - 1);
    bytes[length > 0 ? length : 0] = '\0';
    int lines = 0;
    for (char *at_byte = bytes; (at_byte = strchr(at_byte, '\n')); at_byte++) {
        lines++;
    }
    snprintf(ret_text, size, "%s", bytes);
    return lines;
}

static void
test_first_failure_is_logged_then_one_a_minute(void **state)
{
    char text[4096];
    struct retry retry = { .what = "expire" };
    retry_failed(&retry, "40P01", "deadlock detected");
    assert_int_equal(logged(*state, text, sizeof(text)), 1);
    assert_non_null(strstr(text, "level=warning"));
    assert_non_null(strstr(text, "expire"));
    assert_non_null(strstr(text, "40P01"));
    assert_non_null(strstr(text, "deadlock detected"));
    at(59999);
    retry_failed(&retry, "40P01", "deadlock detected");
    assert_int_equal(logged(*state, text, sizeof(text)), 0);
    at(60000);
    retry_failed(&retry, "40P01", "deadlock detected");
    assert_int_equal(logged(*state, text, sizeof(text)), 1);
    assert_non_null(strstr(text, "failures=3"));
}

static void
test_recovery_is_told_once(void **state)
{
    char text[4096];
    struct retry retry = { .what = "expire" };
    retry_worked(&retry);
    assert_int_equal(logged(*state, text, sizeof(text)), 0);
    retry_failed(&retry, "", "gone");
    retry_worked(&retry);
    retry_worked(&retry);
    assert_int_equal(logged(*state, text, sizeof(text)), 2);
    retry_failed(&retry, "", "gone");
    assert_int_equal(logged(*state, text, sizeof(text)), 1);
}

static void
test_delay_doubles_within_its_bounds(void **state)
{
    (void)state;
    const int64_t expected[] = { 50, 50, 100, 200, 400, 800, 1600, 2000, 2000 };
    for (int failures = 0; failures < 9; failures++) {
        for (int i = 0; i < 50; i++) {
            int64_t delay = retry_delay_ms(failures, 50, 2000);
            assert_in_range(delay, expected[failures] / 2, expected[failures]);
        }
    }
}

static void
test_delay_after_many_failures_stays_bounded(void **state)
{
    (void)state;
    assert_in_range(retry_delay_ms(INT32_MAX, 1000, 60000), 30000, 60000);
}

static void
test_delay_is_jittered(void **state)
{
    (void)state;
    int64_t first = retry_delay_ms(10, 50, 2000);
    int others = 0;
    for (int i = 0; i < 100; i++) {
        others += retry_delay_ms(10, 50, 2000) != first;
    }
    assert_true(others > 0);
}

static void
test_a_line_is_due_at_first_and_then_once_a_minute(void **state)
{
    (void)state;
    struct retry_log log = { 0 };
    clock_freeze(0, 0); /* the machine has just started */
    assert_true(retry_log_is_due(&log));
    assert_false(retry_log_is_due(&log));
    clock_freeze(59999999, 0);
    assert_false(retry_log_is_due(&log));
    clock_freeze(60000000, 0);
    assert_true(retry_log_is_due(&log));
    assert_false(retry_log_is_due(&log));
    clock_release();
}

static void
test_threads_share_a_line(void **state)
{
    (void)state;
    struct retry_shared_log log = { 0 };
    clock_freeze(0, 0);
    assert_true(retry_shared_log_is_due(&log));
    assert_false(retry_shared_log_is_due(&log));
    clock_freeze(59999999, 0);
    assert_false(retry_shared_log_is_due(&log));
    clock_freeze(60000000, 0);
    assert_true(retry_shared_log_is_due(&log));
    assert_false(retry_shared_log_is_due(&log));
    clock_release();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_first_failure_is_logged_then_one_a_minute, begin, end),
        cmocka_unit_test_setup_teardown(test_recovery_is_told_once, begin, end),
        cmocka_unit_test(test_delay_doubles_within_its_bounds),
        cmocka_unit_test(test_delay_after_many_failures_stays_bounded),
        cmocka_unit_test(test_delay_is_jittered),
        cmocka_unit_test(test_a_line_is_due_at_first_and_then_once_a_minute),
        cmocka_unit_test(test_threads_share_a_line),
    };
    secret_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
