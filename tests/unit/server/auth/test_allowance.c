#include "server/auth/allowance.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND 1000000
#define START  (INT64_C(7000) * SECOND)

static const struct allowance allowance = { 3, 10 * SECOND };

/* How many are allowed at `now_us`; all of them are taken. */
static int
take_all(int64_t *whole_at_us, int64_t now_us)
{
    int count = 0;
    for (; allowance_wait_us(&allowance, *whole_at_us, now_us) == 0; count++) {
        *whole_at_us = allowance_take(&allowance, *whole_at_us, now_us);
    }
    return count;
}

static void
test_a_burst_and_then_one_per_interval(void **state)
{
    (void)state;
    int64_t whole_at_us = 0;
    assert_int_equal(take_all(&whole_at_us, START), 3);
    assert_int_equal(allowance_wait_us(&allowance, whole_at_us, START), 10 * SECOND);
    assert_int_equal(allowance_wait_us(&allowance, whole_at_us, START + 10 * SECOND - 1), 1);
    assert_int_equal(take_all(&whole_at_us, START + 10 * SECOND), 1);
    assert_int_equal(take_all(&whole_at_us, START + 30 * SECOND), 2);
    assert_int_equal(take_all(&whole_at_us, START + 500 * SECOND), 3); /* never more than the burst */
}

static void
test_what_is_taken_beyond_it_is_waited_for(void **state)
{
    (void)state;
    int64_t whole_at_us = 0;
    for (int i = 0; i < 5; i++) {
        whole_at_us = allowance_take(&allowance, whole_at_us, START);
    }
    assert_int_equal(whole_at_us, START + 50 * SECOND);
    assert_int_equal(allowance_wait_us(&allowance, whole_at_us, START), 30 * SECOND);
}

static void
test_one_at_a_time(void **state)
{
    (void)state;
    const struct allowance single = { 1, SECOND };
    int64_t whole_at_us = allowance_take(&single, 0, START);
    assert_int_equal(allowance_wait_us(&single, whole_at_us, START), SECOND);
    assert_int_equal(allowance_wait_us(&single, whole_at_us, START + SECOND), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_and_then_one_per_interval),
        cmocka_unit_test(test_what_is_taken_beyond_it_is_waited_for),
        cmocka_unit_test(test_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
