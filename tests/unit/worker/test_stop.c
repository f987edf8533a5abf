#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/stop.h"
#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `life` in a child process, where signals may do what they want; returns its wait status. */
static int
in_child(void (*life)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        life();
        _exit(99);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void
assert_exits_with(void (*life)(void), int expected)
{
    int status = in_child(life);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), expected);
}

static void
note_signal(int number)
{
    struct stop *stop = stop_new();
    bool before = stop_requested(stop);
    raise(number);
    struct pollfd waiting = { .fd = stop_descriptor(stop), .events = POLLIN };
    bool readable = poll(&waiting, 1, 0) == 1;
    bool once = stop_requested(stop), twice = stop_requested(stop);
    stop_free(stop);
    _exit(!before && readable && once && twice ? 7 : 8);
}

static void
note_sigterm(void)
{
    note_signal(SIGTERM);
}

static void
note_sigint(void)
{
    note_signal(SIGINT);
}

static void
test_signals_are_noted_and_stay_so(void **state)
{
    (void)state;
    assert_exits_with(note_sigterm, 7);
    assert_exits_with(note_sigint, 7);
}

static void
end_within(void)
{
    stop_new();
    stop_at_once_begin();
    raise(SIGTERM);
}

static void
end_with_earlier_signal(void)
{
    stop_new();
    raise(SIGINT);
    stop_at_once_begin();
}

static void
test_ends_at_once_where_allowed(void **state)
{
    (void)state;
    assert_exits_with(end_within, 0);
    assert_exits_with(end_with_earlier_signal, 0);
}

static void
wait_after(void)
{
    struct stop *stop = stop_new();
    stop_at_once_begin();
    stop_at_once_end();
    raise(SIGTERM);
    bool requested = stop_requested(stop);
    stop_free(stop);
    _exit(requested ? 7 : 8);
}

static void
test_waits_again_afterwards(void **state)
{
    (void)state;
    assert_exits_with(wait_after, 7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_are_noted_and_stay_so),
        cmocka_unit_test(test_ends_at_once_where_allowed),
        cmocka_unit_test(test_waits_again_afterwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
