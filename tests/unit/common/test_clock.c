#include "common/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#include <cmocka.h>

static void
test_monotonic_never_goes_back(void **state)
{
    (void)state;
    int64_t last = clock_monotonic_us();
    assert_true(last > 0);
    for (int i = 0; i < 100000; i++) {
        int64_t now = clock_monotonic_us();
        assert_true(now >= last);
        last = now;
    }
}

static void
test_milliseconds_are_thousandths_of_microseconds(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_us();
    int64_t between = clock_monotonic_ms();
    int64_t after = clock_monotonic_us();
    assert_true(before / 1000 <= between);
    assert_true(between <= after / 1000);
}

static void
test_wall_is_the_time_of_day(void **state)
{
    (void)state;
    struct timeval now;
    gettimeofday(&now, NULL);
    int64_t difference = clock_wall_us() - ((int64_t)now.tv_sec * 1000000 + now.tv_usec);
    assert_true(difference > -5000000 && difference < 5000000);
}

static void
test_frozen_clock_stands_still_until_released(void **state)
{
    (void)state;
    clock_freeze(1999, 1700000000123456);
    assert_int_equal(clock_monotonic_us(), 1999);
    assert_int_equal(clock_monotonic_ms(), 1);
    assert_int_equal(clock_wall_us(), 1700000000123456);
    clock_freeze(2000, 5);
    assert_int_equal(clock_monotonic_ms(), 2);
    assert_int_equal(clock_wall_us(), 5);
    clock_release();
    assert_true(clock_wall_us() > 1700000000123456);
    assert_true(clock_monotonic_us() != 2000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monotonic_never_goes_back),
        cmocka_unit_test(test_milliseconds_are_thousandths_of_microseconds),
        cmocka_unit_test(test_wall_is_the_time_of_day),
        cmocka_unit_test(test_frozen_clock_stands_still_until_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
