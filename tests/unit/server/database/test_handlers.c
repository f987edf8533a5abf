#include "server/database/handlers.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scripted_db.h"

#define READS_AHEAD 24
#define READ        QUERY_DB_PING
#define WRITE       QUERY_API_KEYS_REVOKE

static struct handlers *handlers;
static struct db **connections; /* the readers first */

static int
set_up(void **state)
{
    (void)state;
    scripted_reset();
    const struct db_options options = { .pending_max = 1 };
    handlers = handlers_new(NULL, &options);
    assert_int_equal(scripted.connection_count, HANDLERS_CONNECTIONS);
    connections = scripted.connections;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    handlers_free(handlers);
    return 0;
}

static void
test_reads_fill_one_connection_before_the_next(void **state)
{
    (void)state;
    assert_ptr_equal(handlers_choose(handlers, READ), connections[0]);
    connections[0]->pending = READS_AHEAD - 1;
    assert_ptr_equal(handlers_choose(handlers, READ), connections[0]);
    connections[0]->pending = READS_AHEAD;
    assert_ptr_equal(handlers_choose(handlers, READ), connections[1]);
    connections[1]->pending = READS_AHEAD + 1; /* all are full: where the fewest wait */
    assert_ptr_equal(handlers_choose(handlers, READ), connections[0]);
}

static void
test_writes_go_where_the_fewest_wait(void **state)
{
    (void)state;
    connections[HANDLERS_READERS]->pending = 1;
    assert_ptr_equal(handlers_choose(handlers, WRITE), connections[HANDLERS_READERS + 1]);
    connections[HANDLERS_READERS + 1]->pending = 2;
    assert_ptr_equal(handlers_choose(handlers, WRITE), connections[HANDLERS_READERS]);
}

static void
test_a_usable_connection_rather_than_one_of_its_kind(void **state)
{
    (void)state;
    for (int i = 0; i < HANDLERS_READERS; i++) {
        connections[i]->usable = false;
    }
    assert_true(db_usable(handlers_choose(handlers, READ)));
    for (int i = 0; i < HANDLERS_CONNECTIONS; i++) {
        connections[i]->usable = i == 0;
    }
    assert_int_equal(handlers_usable(handlers), 1);
    assert_ptr_equal(handlers_choose(handlers, WRITE), connections[0]);
    assert_ptr_equal(handlers_choose(handlers, READ), connections[0]);
    connections[0]->usable = false;
    assert_non_null(handlers_choose(handlers, WRITE)); /* db_call() fails through the loop */
}

/* Told by the build from the statement's text. */
static void
test_which_statements_write(void **state)
{
    (void)state;
    assert_true(query_texts[QUERY_SESSIONS_FIND].writes); /* it notes that the session is in use */
    assert_true(query_texts[QUERY_USERS_UPDATE].writes);
    assert_true(query_texts[QUERY_USAGE_ADD].writes);
    assert_false(query_texts[QUERY_USERS_LIST].writes);
    assert_false(query_texts[QUERY_GATE_EPOCH].writes);
}

/* --- the least busy of several --- */

#define CONNECTIONS 3

/* Which of them is chosen. */
static int
chosen_of(const bool *usable, const int *pending)
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
    assert_int_equal(chosen_of(usable, (const int[]){ 3, 2, 1 }), 2);
    assert_int_equal(chosen_of(usable, (const int[]){ 3, 1, 2 }), 1);
    assert_int_equal(chosen_of(usable, (const int[]){ 0, 0, 0 }), 0);
}

static void
test_a_usable_one_before_an_idle_one(void **state)
{
    (void)state;
    assert_int_equal(chosen_of((const bool[]){ false, false, true }, (const int[]){ 0, 0, 9 }), 2);
    assert_int_equal(chosen_of((const bool[]){ true, false, true }, (const int[]){ 9, 0, 8 }), 2);
    assert_int_equal(chosen_of((const bool[]){ true, false, false }, (const int[]){ 9, 0, 0 }), 0);
}

/* Its call fails through the loop. */
static void
test_when_none_is_usable_there_is_still_one(void **state)
{
    (void)state;
    assert_int_equal(chosen_of((const bool[]){ false, false, false }, (const int[]){ 2, 1, 1 }), 1);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_reads_fill_one_connection_before_the_next),
        TEST(test_writes_go_where_the_fewest_wait),
        TEST(test_a_usable_connection_rather_than_one_of_its_kind),
        TEST(test_which_statements_write),
        cmocka_unit_test(test_the_one_with_the_fewest_calls),
        cmocka_unit_test(test_a_usable_one_before_an_idle_one),
        cmocka_unit_test(test_when_none_is_usable_there_is_still_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
