#include "server/auth/lease.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define QUOTA  600

/* Asked at `sent_us` and answered a millisecond later; half a minute of the window is left. */
static void
add(struct lease *lease, int64_t taken, int64_t pool, int64_t window, int64_t wait_us, int64_t sent_us)
{
    const struct lease_grant grant = {
        .taken = taken, .pool = pool, .window = window, .window_left_us = 30 * SECOND, .wait_us = wait_us
    };
    lease_add(lease, &grant, sent_us, sent_us + 1000);
}

static int
take_all(struct lease *lease, int64_t now_us, enum lease_answer *ret_last)
{
    int taken = 0;
    while ((*ret_last = lease_take(lease, QUOTA, now_us)) == LEASE_TAKEN) {
        taken++;
    }
    return taken;
}

static void
test_nothing_is_spent_that_was_not_leased(void **state)
{
    (void)state;
    struct lease lease = { 0 };
    enum lease_answer last;
    assert_int_equal(lease_take(&lease, QUOTA, 5), LEASE_MISSING);
    assert_true(lease_is_missing(&lease, 5));
    add(&lease, 12, 588, 1, 0, 10);
    assert_false(lease_is_missing(&lease, 1010));
    assert_int_equal(take_all(&lease, 1010, &last), 12);
    assert_int_equal(last, LEASE_MISSING);
}

static void
test_it_ends_with_its_window_not_later_than_postgresqls(void **state)
{
    (void)state;
    struct lease lease = { 0 };
    add(&lease, 12, 588, 1, 0, 0);
    assert_int_equal(lease_take(&lease, QUOTA, 30 * SECOND - 1), LEASE_TAKEN);
    assert_int_equal(lease_take(&lease, QUOTA, 30 * SECOND), LEASE_MISSING);
    add(&lease, 3, 597, 2, 0, 30 * SECOND);
    assert_int_equal(lease.left, 3);
}

static void
test_an_answer_about_an_earlier_window_does_not_count(void **state)
{
    (void)state;
    struct lease lease = { 0 };
    add(&lease, 2, 598, 8, 0, 0);
    add(&lease, 100, 0, 7, 0, 0);
    assert_int_equal(lease.left, 2);
    /* After PostgreSQL's clock was set back, windows begin earlier than they did. */
    add(&lease, 4, 596, 5, 0, 31 * SECOND);
    assert_int_equal(lease.left, 4);
}

static void
test_it_refuses_while_postgresql_has_none(void **state)
{
    (void)state;
    struct lease lease = { 0 };
    lease_take(&lease, QUOTA, 0);
    add(&lease, 1, 0, 1, 20 * SECOND, 0);
    assert_int_equal(lease_take(&lease, QUOTA, 2000), LEASE_TAKEN);
    assert_int_equal(lease_take(&lease, QUOTA, 2000), LEASE_REFUSED);
    assert_int_equal(lease.empty_us, 20 * SECOND + 1000);
    assert_int_equal(lease_take(&lease, QUOTA, 20 * SECOND + 999), LEASE_REFUSED);
    assert_int_equal(lease_take(&lease, QUOTA, 20 * SECOND + 1000), LEASE_MISSING);
}

static void
test_a_flood_asks_at_most_a_hundred_times_a_second(void **state)
{
    (void)state;
    struct lease lease = { 0 };
    lease_take(&lease, QUOTA, 0);
    add(&lease, 0, 300, 1, 600, 0);
    assert_int_equal(lease_take(&lease, QUOTA, 1000 + 9999), LEASE_REFUSED);
    assert_int_equal(lease_take(&lease, QUOTA, 1000 + 10000), LEASE_MISSING);
}

static void
test_it_looks_for_what_others_gave_back(void **state)
{
    (void)state;
    struct lease lease = { 0 };
    lease_take(&lease, QUOTA, 0);
    add(&lease, 0, 0, 1, 20 * SECOND, 0);
    assert_false(lease_is_low(&lease, 250000));
    assert_true(lease_is_low(&lease, 251000));
    add(&lease, 5, 0, 1, 20 * SECOND, 260000);
    assert_int_equal(lease_take(&lease, QUOTA, 270000), LEASE_TAKEN);
}

static void
test_it_asks_with_a_quarter_of_a_second_left(void **state)
{
    (void)state;
    struct lease lease = { 0 };
    lease_take(&lease, QUOTA, 0);
    add(&lease, 200, 400, 1, 0, 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(lease_take(&lease, QUOTA, 2000), LEASE_TAKEN);
    }
    lease_second_over(&lease, SECOND);
    for (int i = 0; i < 75; i++) {
        assert_int_equal(lease_take(&lease, QUOTA, SECOND), LEASE_TAKEN);
    }
    assert_int_equal(lease.left, 25);
    assert_false(lease_is_low(&lease, SECOND));
    lease_take(&lease, QUOTA, SECOND);
    assert_true(lease_is_low(&lease, SECOND));
    assert_int_equal(lease_want(&lease, 0), 100 - 24);
    assert_int_equal(lease_want(&lease, 7), 100 - 24 + 7);
    assert_false(lease_is_low(&lease, 30 * SECOND));
}

static void
test_a_small_quota_is_leased_in_small_parts(void **state)
{
    (void)state;
    struct lease lease = { 0 };
    lease_take(&lease, 30, 0);
    assert_int_equal(lease_want(&lease, 1), 1);
    assert_int_equal(lease_want(&lease, 0), 1);
    lease_take(&lease, QUOTA, 0);
    assert_int_equal(lease_want(&lease, 1), 13);
}

static void
test_what_is_not_used_goes_back(void **state)
{
    (void)state;
    struct lease lease = { 0 };
    lease_take(&lease, QUOTA, 0);
    add(&lease, 100, 500, 1, 0, 0);
    for (int i = 0; i < 10; i++) {
        lease_take(&lease, QUOTA, 2000);
    }
    lease_second_over(&lease, SECOND);
    assert_int_equal(lease.excess, 90 - 10 - 3);
    lease_take(&lease, QUOTA, SECOND);
    assert_int_equal(lease_give_back(&lease, SECOND), 77);
    assert_int_equal(lease.left, 12);
    assert_int_equal(lease_give_back(&lease, SECOND), 0);
    lease_second_over(&lease, 2 * SECOND);
    assert_int_equal(lease_give_back(&lease, 2 * SECOND), 12 - 1 - 3);
    lease_second_over(&lease, 3 * SECOND);
    assert_int_equal(lease_give_back(&lease, 3 * SECOND), 1);
    lease_second_over(&lease, 4 * SECOND);
    assert_int_equal(lease_give_back(&lease, 4 * SECOND), 0);
    assert_int_equal(lease.left, 3);
}

static void
test_all_goes_back_when_there_is_little_for_the_others(void **state)
{
    (void)state;
    struct lease lease = { 0 };
    lease_take(&lease, QUOTA, 0);
    add(&lease, 10, 60, 1, 0, 0);
    lease_second_over(&lease, SECOND);
    assert_int_equal(lease_give_back(&lease, SECOND), 10);
}

static void
test_nothing_goes_back_into_another_window(void **state)
{
    (void)state;
    struct lease lease = { 0 };
    lease_take(&lease, QUOTA, 0);
    add(&lease, 10, 60, 1, 0, 0);
    lease_second_over(&lease, 29 * SECOND);
    assert_int_equal(lease_give_back(&lease, 30 * SECOND), 0);
}

static void
test_what_was_spent_does_not_go_back(void **state)
{
    (void)state;
    struct lease lease = { 0 };
    lease_take(&lease, QUOTA, 0);
    add(&lease, 10, 60, 1, 0, 0);
    lease_second_over(&lease, SECOND);
    for (int i = 0; i < 8; i++) {
        lease_take(&lease, QUOTA, SECOND);
    }
    assert_int_equal(lease_give_back(&lease, SECOND), 2);
    assert_int_equal(lease.left, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_spent_that_was_not_leased),
        cmocka_unit_test(test_it_ends_with_its_window_not_later_than_postgresqls),
        cmocka_unit_test(test_an_answer_about_an_earlier_window_does_not_count),
        cmocka_unit_test(test_it_refuses_while_postgresql_has_none),
        cmocka_unit_test(test_a_flood_asks_at_most_a_hundred_times_a_second),
        cmocka_unit_test(test_it_looks_for_what_others_gave_back),
        cmocka_unit_test(test_it_asks_with_a_quarter_of_a_second_left),
        cmocka_unit_test(test_a_small_quota_is_leased_in_small_parts),
        cmocka_unit_test(test_what_is_not_used_goes_back),
        cmocka_unit_test(test_all_goes_back_when_there_is_little_for_the_others),
        cmocka_unit_test(test_nothing_goes_back_into_another_window),
        cmocka_unit_test(test_what_was_spent_does_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
