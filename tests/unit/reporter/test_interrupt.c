#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/interrupt.h"

#include <cmocka.h>
#include <signal.h>

static void
a_signal_is_noticed_and_remembered(void **state)
{
    (void)state;
    struct interrupt interrupt;
    interrupt_begin(&interrupt);
    assert_false(interrupt_arrived(&interrupt));
    assert_false(interrupt_wait(&interrupt, 0));
    raise(SIGTERM);
    assert_true(interrupt_wait(&interrupt, 60000));
    assert_true(interrupt_arrived(&interrupt));
    interrupt_end(&interrupt);
}

/* A terminal, npx and a CI system may each send one: those after the first must not end the program either.
 */
static void
more_signals_are_dropped(void **state)
{
    (void)state;
    struct interrupt interrupt;
    interrupt_begin(&interrupt);
    raise(SIGINT);
    assert_true(interrupt_arrived(&interrupt));
    raise(SIGINT);
    raise(SIGTERM);
    interrupt_end(&interrupt);
    sigset_t pending, blocked;
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &blocked), 0);
    assert_false(sigismember(&pending, SIGINT) || sigismember(&blocked, SIGINT));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_is_noticed_and_remembered),
        cmocka_unit_test(more_signals_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
