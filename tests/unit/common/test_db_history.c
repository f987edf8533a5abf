#include "common/db_history.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SYSTEM INT64_C(7400000000000000001)
#define OTHER  INT64_C(7400000000000000002)

static void
test_a_newer_timeline_makes_the_others_old(void **state)
{
    (void)state;
    struct db_history history = { 0 };
    db_timeline first = db_history_timeline(SYSTEM, 1), second = db_history_timeline(SYSTEM, 2);
    assert_int_equal(db_history_number(second), 2);
    assert_false(db_history_is_old(&history, first));
    assert_true(db_history_follow(&history, first));
    assert_true(db_history_follow(&history, first));
    assert_false(db_history_is_old(&history, first));
    assert_true(db_history_follow(&history, second));
    assert_true(db_history_is_old(&history, first));
    assert_false(db_history_is_old(&history, second));
    assert_false(db_history_follow(&history, first));
    assert_true(db_history_newest(&history) == second);
}

static void
test_timelines_of_another_system_are_no_measure(void **state)
{
    (void)state;
    struct db_history history = { 0 };
    assert_true(db_history_follow(&history, db_history_timeline(SYSTEM, 9)));
    assert_false(db_history_is_old(&history, db_history_timeline(OTHER, 1)));
    assert_true(db_history_follow(&history, db_history_timeline(OTHER, 1)));
    assert_false(db_history_is_old(&history, db_history_timeline(SYSTEM, 9)));
}

static void
test_an_unknown_timeline_is_not_old(void **state)
{
    (void)state;
    struct db_history history = { 0 };
    assert_true(db_history_follow(&history, db_history_timeline(SYSTEM, 9)));
    assert_false(db_history_is_old(&history, 0));
}

static void
test_the_highest_numbers(void **state)
{
    (void)state;
    struct db_history history = { 0 };
    assert_true(db_history_follow(&history, db_history_timeline(-1, UINT32_MAX)));
    assert_int_equal(db_history_number(db_history_newest(&history)), UINT32_MAX);
    assert_false(db_history_follow(&history, db_history_timeline(-1, 1)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_newer_timeline_makes_the_others_old),
        cmocka_unit_test(test_timelines_of_another_system_are_no_measure),
        cmocka_unit_test(test_an_unknown_timeline_is_not_old),
        cmocka_unit_test(test_the_highest_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
