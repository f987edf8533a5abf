#include "common/problem.h"
#include "server/http/status.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void
test_every_status_of_a_problem_is_in_the_table(void **state)
{
    (void)state;
    for (int code = PROBLEM_NONE + 1; code < PROBLEM_COUNT; code++) {
        int status = problem_status((enum problem_code)code);
        assert_int_equal(http_status_at(http_status_index(status)), status);
    }
}

static void
test_every_status_has_a_place_and_a_line_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < HTTP_STATUS_COUNT; i++) {
        int status = http_status_at(i);
        char start[16];
        assert_int_equal(http_status_index(status), i);
        const char *line = http_status_line(status);
        snprintf(start, sizeof(start), "HTTP/1.1 %d ", status);
        assert_memory_equal(line, start, strlen(start));
        assert_true(strlen(line) > strlen(start) + 2);
        assert_string_equal(line + strlen(line) - 2, "\r\n");
    }
}

static void
test_a_status_that_is_missing_aborts(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        http_status_index(299);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_of_a_problem_is_in_the_table),
        cmocka_unit_test(test_every_status_has_a_place_and_a_line_of_its_own),
        cmocka_unit_test(test_a_status_that_is_missing_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
