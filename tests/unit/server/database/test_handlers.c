#include "server/database/handlers.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "scripted_db.h"

#define CONNECTIONS 3

/* Which of them is chosen. */
static int
choose(const bool *usable, const int *pending)
{
    struct db dbs[CONNECTIONS], *list[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++) {
        dbs[i] = (struct db){ .usable = usable[i], .pending = pending[i] };
        list[i] = &dbs[i];
    }
    return (int)(handlers_least_busy(list, CONNECTIONS) - dbs);
}

static void
test_the_one_with_the_fewest_calls(void **state)
{
    (void)state;
    static const bool usable[] = { true, true, true };
    assert_int_equal(choose(usable, (const int[]){ 3, 2, 1 }), 2);
    assert_int_equal(choose(usable, (const int[]){ 3, 1, 2 }), 1);
    assert_int_equal(choose(usable, (const int[]){ 0, 0, 0 }), 0);
}

static void
test_a_usable_one_before_an_idle_one(void **state)
{
    (void)state;
    assert_int_equal(choose((const bool[]){ false, false, true }, (const int[]){ 0, 0, 9 }), 2);
    assert_int_equal(choose((const bool[]){ true, false, true }, (const int[]){ 9, 0, 8 }), 2);
    assert_int_equal(choose((const bool[]){ true, false, false }, (const int[]){ 9, 0, 0 }), 0);
}

/* Its call fails through the loop. */
static void
test_when_none_is_usable_there_is_still_one(void **state)
{
    (void)state;
    assert_int_equal(choose((const bool[]){ false, false, false }, (const int[]){ 2, 1, 1 }), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_one_with_the_fewest_calls),
        cmocka_unit_test(test_a_usable_one_before_an_idle_one),
        cmocka_unit_test(test_when_none_is_usable_there_is_still_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
