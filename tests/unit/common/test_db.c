#include "common/db.h"
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/secret.h"
#include "scripted_postgres.h"

#define QUERY     QUERY_GATE_FIND_HASH /* any of one parameter */
#define CALLS_MAX 64

static struct event_base *base;
static struct db *db;
static struct db_history history;
static int usable, lost; /* how often on_state said so */

static struct {
    int answers, order;
    enum db_status status;
    char text[64], sqlstate[8], constraint[32], message[64];
} calls[CALLS_MAX];
static int call_count, answer_count;
static bool again; /* submit once more from within the next callback */

static void submit(void);

static void
on_answer(const struct db_result *result, void *argument)
{
    int index = (int)(intptr_t)argument;
    calls[index].answers++;
    calls[index].order = answer_count++;
    calls[index].status = db_status(result);
    snprintf(calls[index].text, sizeof(calls[index].text), "%s",
             db_rows(result) ? db_text(result, 0, 0) : "");
    snprintf(calls[index].sqlstate, sizeof(calls[index].sqlstate), "%s", db_sqlstate(result));
    snprintf(calls[index].constraint, sizeof(calls[index].constraint), "%s", db_constraint(result));
    snprintf(calls[index].message, sizeof(calls[index].message), "%s", db_message(result));
    if (again) {
        again = false;
        submit();
    }
}

static void
submit(void)
{
    int index = call_count++;
    assert_in_range(index, 0, CALLS_MAX - 1);
    db_call(db, QUERY, &DB_TEXT("x"), false, on_answer, (void *)(intptr_t)index);
    assert_int_equal(calls[index].answers, 0);
}

static void
on_state(struct db *which, bool is_usable, void *argument)
{
    assert_true(db == NULL || which == db);
    assert_ptr_equal(argument, &db);
    *(is_usable ? &usable : &lost) += 1;
}

static void
open_db(const char *url)
{
    const struct db_options options = { .url = url,
                                        .application_name = "test",
                                        .statement_timeout_ms = 1000,
                                        .call_deadline_ms = 2000,
                                        .pending_max = 8,
                                        .history = &history,
                                        .on_state = on_state,
                                        .argument = &db };
    db = db_new(base, &options);
}

static void
wait_for(const int *counter, int count)
{
    while (*counter < count) {
        event_base_loop(base, EVLOOP_ONCE);
    }
}

static int
set_up(void **state)
{
    (void)state;
    secret_setup();
    memset(calls, 0, sizeof(calls));
    call_count = answer_count = usable = lost = 0;
    history.newest = 0;
    again = false;
    postgres_start();
    postgres_says_text(QUERY, "here");
    base = event_base_new();
    open_db(postgres_url());
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    db_free(db);
    db = NULL;
    event_base_free(base);
    postgres_stop();
    for (int i = 0; i < call_count; i++) {
        assert_int_equal(calls[i].answers, 1);
    }
    return 0;
}

static void
test_calls_are_answered_in_order(void **state)
{
    (void)state;
    assert_false(db_usable(db));
    wait_for(&usable, 1);
    assert_true(db_usable(db));
    assert_string_equal(db_failure(db), "");
    for (int i = 0; i < 5; i++) {
        submit();
    }
    assert_int_equal(db_pending(db), 5);
    wait_for(&answer_count, 5);
    assert_int_equal(db_pending(db), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(calls[i].order, i);
        assert_int_equal(calls[i].status, DB_OK);
        assert_string_equal(calls[i].text, "here");
    }
    assert_int_equal(postgres_count(&postgres.prepared[QUERY]), 1);
}

static void
test_before_it_is_usable_a_call_fails_through_the_loop(void **state)
{
    (void)state;
    submit();
    assert_int_equal(db_pending(db), 1);
    wait_for(&answer_count, 1);
    assert_int_equal(calls[0].status, DB_UNAVAILABLE);
}

static void
test_a_refusal_concerns_its_call_alone(void **state)
{
    (void)state;
    wait_for(&usable, 1);
    postgres_says(QUERY, (struct postgres_reply){ .reaction = POSTGRES_REFUSES, .sqlstate = "57014" });
    submit();
    wait_for(&answer_count, 1);
    assert_int_equal(calls[0].status, DB_REFUSED);
    assert_string_equal(calls[0].sqlstate, "57014");
    assert_string_equal(calls[0].constraint, "the_constraint");
    assert_string_equal(calls[0].message, "said no");
    postgres_says_text(QUERY, "here");
    submit();
    wait_for(&answer_count, 2);
    assert_int_equal(calls[1].status, DB_OK);
    assert_true(db_usable(db));
    assert_int_equal(postgres_count(&postgres.prepared[QUERY]), 1);
}

static void
test_a_message_that_may_quote_a_value_is_not_told(void **state)
{
    (void)state;
    static const char *const states[] = { "22P02", "23505" };
    wait_for(&usable, 1);
    for (int i = 0; i < 2; i++) {
        postgres_says(QUERY, (struct postgres_reply){ .reaction = POSTGRES_REFUSES, .sqlstate = states[i] });
        submit();
        wait_for(&answer_count, i + 1);
        assert_string_equal(calls[i].sqlstate, states[i]);
        assert_string_equal(calls[i].message, "");
    }
}

static void
assert_recovers(void)
{
    int told = answer_count;
    postgres_says_text(QUERY, "again");
    wait_for(&usable, 2);
    assert_int_equal(lost, 1);
    submit();
    wait_for(&answer_count, told + 1);
    assert_string_equal(calls[call_count - 1].text, "again");
    assert_int_equal(postgres_count(&postgres.connections), 2);
}

static void
test_when_the_connection_dies_every_call_fails_and_it_heals(void **state)
{
    (void)state;
    wait_for(&usable, 1);
    postgres_says(QUERY, (struct postgres_reply){ .reaction = POSTGRES_HANGS_UP });
    for (int i = 0; i < 3; i++) {
        submit();
    }
    wait_for(&lost, 1);
    assert_int_equal(answer_count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(calls[i].status, DB_UNAVAILABLE);
        assert_int_equal(calls[i].order, i);
    }
    assert_false(db_usable(db));
    assert_string_not_equal(db_failure(db), "");
    assert_recovers();
    assert_int_equal(postgres_count(&postgres.prepared[QUERY]), 2); /* the new connection knows nothing */
}

static void
test_what_is_no_protocol_is_a_dead_connection(void **state)
{
    (void)state;
    wait_for(&usable, 1);
    postgres_says(QUERY, (struct postgres_reply){ .reaction = POSTGRES_TALKS_ROT });
    submit();
    wait_for(&lost, 1);
    assert_int_equal(calls[0].status, DB_UNAVAILABLE);
    assert_recovers();
}

static void
test_silence_is_a_dead_connection(void **state)
{
    (void)state;
    wait_for(&usable, 1);
    postgres_says(QUERY, (struct postgres_reply){ .reaction = POSTGRES_IS_SILENT });
    submit();
    wait_for(&lost, 1);
    assert_int_equal(calls[0].status, DB_UNAVAILABLE);
    assert_string_equal(db_failure(db), "PostgreSQL did not answer in time");
    assert_recovers();
}

/* A plan that no longer fits, or a statement that a pooler has lost. */
static void
test_a_stale_statement_ends_the_connection(void **state)
{
    (void)state;
    wait_for(&usable, 1);
    postgres_says(QUERY, (struct postgres_reply){ .reaction = POSTGRES_REFUSES, .sqlstate = "26000" });
    submit();
    wait_for(&lost, 1);
    assert_int_equal(calls[0].status, DB_REFUSED);
    assert_recovers();
}

static void
test_no_more_than_so_many_wait(void **state)
{
    (void)state;
    wait_for(&usable, 1);
    for (int i = 0; i < 10; i++) {
        submit();
    }
    wait_for(&answer_count, 10);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(calls[i].status, i < 8 ? DB_OK : DB_UNAVAILABLE);
    }
}

static void
test_calling_again_from_within_the_answer(void **state)
{
    (void)state;
    wait_for(&usable, 1);
    again = true;
    submit();
    wait_for(&answer_count, 2);
    assert_int_equal(calls[1].status, DB_OK);
    postgres_says(QUERY, (struct postgres_reply){ .reaction = POSTGRES_HANGS_UP });
    again = true;
    submit();
    wait_for(&answer_count, 4);
    assert_int_equal(calls[3].status, DB_UNAVAILABLE);
}

static void
test_a_standby_is_not_used(void **state)
{
    (void)state;
    postgres_says_text(QUERY_DB_SESSION, "standby");
    wait_for(&lost, 1);
    assert_int_equal(usable, 0);
    assert_non_null(strstr(db_failure(db), "standby"));
    postgres_says_text(QUERY_DB_SESSION, NULL); /* it was promoted */
    wait_for(&usable, 1);
}

/* PostgreSQL says that it is on that timeline of system 7. */
static void
says_timeline(const char *number)
{
    postgres_says(QUERY_DB_HISTORY, (struct postgres_reply){ .columns = 2, .cells = { "7", number } });
}

static void
test_an_old_primary_is_not_used(void **state)
{
    (void)state;
    says_timeline("2");
    assert_true(db_history_follow(&history, db_history_timeline(7, 3)));
    wait_for(&lost, 1);
    assert_int_equal(usable, 0);
    assert_true(db_history_refused(db));
    assert_non_null(strstr(db_failure(db), "an old timeline (2) of a PostgreSQL whose timeline 3"));
    says_timeline("3");
    wait_for(&usable, 1);
    assert_false(db_history_refused(db));
}

static void
test_what_postgresql_does_not_tell_is_not_refused(void **state)
{
    (void)state;
    assert_true(db_history_follow(&history, db_history_timeline(7, 3)));
    postgres_says(QUERY_DB_HISTORY,
                  (struct postgres_reply){ .reaction = POSTGRES_REFUSES, .sqlstate = "42501" });
    wait_for(&usable, 1);
    submit();
    wait_for(&answer_count, 1);
    assert_int_equal(calls[0].status, DB_OK);
}

static void
test_a_connection_to_the_old_primary_ends_when_another_has_seen_the_new_one(void **state)
{
    (void)state;
    says_timeline("2");
    wait_for(&usable, 1);
    assert_true(db_history_newest(&history) == db_history_timeline(7, 2));
    postgres_says(QUERY, (struct postgres_reply){ .reaction = POSTGRES_IS_SILENT });
    submit();
    assert_true(db_history_follow(&history, db_history_timeline(7, 3)));
    submit(); /* this is when it is noticed */
    wait_for(&answer_count, 2);
    assert_int_equal(calls[0].status, DB_UNAVAILABLE);
    assert_int_equal(calls[1].status, DB_UNAVAILABLE);
    assert_int_equal(lost, 1);
    assert_non_null(strstr(db_failure(db), "an old timeline (2)"));
}

static void
test_an_answer_of_the_old_primary_is_not_believed(void **state)
{
    (void)state;
    says_timeline("2");
    wait_for(&usable, 1);
    submit();
    assert_true(db_history_follow(&history, db_history_timeline(7, 3)));
    wait_for(&answer_count, 1);
    assert_int_equal(calls[0].status, DB_UNAVAILABLE);
}

/* Well before the call's own deadline. */
static void
test_a_call_that_waits_for_the_old_primary_ends(void **state)
{
    (void)state;
    says_timeline("2");
    wait_for(&usable, 1);
    postgres_says(QUERY, (struct postgres_reply){ .reaction = POSTGRES_IS_SILENT });
    submit();
    assert_true(db_history_follow(&history, db_history_timeline(7, 3)));
    wait_for(&answer_count, 1);
    assert_int_equal(calls[0].status, DB_UNAVAILABLE);
    assert_true(db_history_refused(db));
}

static void
test_a_session_that_cannot_be_relied_on_is_not_used(void **state)
{
    (void)state;
    static const struct {
        const char *code, *why;
    } refusals[] = { { "encoding", "not UTF8" }, { "replica", "session_replication_role is replica" } };
    for (int i = 0; i < 2; i++) {
        postgres_says_text(QUERY_DB_SESSION, refusals[i].code);
        wait_for(&lost, lost + 1);
        wait_for(&lost, lost + 1); /* the one before may have been under way */
        assert_int_equal(usable, 0);
        assert_non_null(strstr(db_failure(db), refusals[i].why));
    }
    postgres_says_text(QUERY_DB_SESSION, NULL);
    wait_for(&usable, 1);
}

static void
test_a_schema_without_its_triggers_is_not_used(void **state)
{
    (void)state;
    char version[16];
    snprintf(version, sizeof(version), "%d", migration_count);
    postgres_says(QUERY_DB_SCHEMA_VERSION,
                  (struct postgres_reply){ .columns = 3, .cells = { version, "guard of users", version } });
    wait_for(&lost, 1);
    assert_int_equal(usable, 0);
    assert_false(db_schema_refused(db)); /* it may be enabled again */
    assert_non_null(strstr(db_failure(db), "trigger guard of users is disabled or missing"));
}

static void
test_a_schema_of_another_version_is_not_used(void **state)
{
    (void)state;
    static const struct {
        const char *version, *why;
    } others[] = { { "1", "is version 1, older" }, { "1000", "is version 1000, newer" } };
    for (int i = 0; i < 2; i++) {
        postgres_says(
            QUERY_DB_SCHEMA_VERSION,
            (struct postgres_reply){ .columns = 3, .cells = { others[i].version, NULL, others[i].version } });
        wait_for(&lost, lost + 1);
        wait_for(&lost, lost + 1); /* the one before may have been under way */
        assert_true(db_schema_refused(db));
        assert_non_null(strstr(db_failure(db), others[i].why));
    }
    postgres_says(QUERY_DB_SCHEMA_VERSION,
                  (struct postgres_reply){ .reaction = POSTGRES_REFUSES, .sqlstate = "42P01" });
    wait_for(&lost, lost + 2);
    assert_non_null(strstr(db_failure(db), "no schema yet"));
    assert_int_equal(usable, 0);
}

static void
test_a_failure_at_the_start_is_no_verdict_on_the_schema(void **state)
{
    (void)state;
    postgres_says(QUERY_DB_SCHEMA_VERSION,
                  (struct postgres_reply){ .reaction = POSTGRES_REFUSES, .sqlstate = "57P03" });
    wait_for(&lost, 1);
    assert_false(db_schema_refused(db));
    assert_string_equal(db_failure(db), "said no");
}

static void
test_an_address_that_cannot_be_read_is_not_quoted(void **state)
{
    (void)state;
    db_free(db);
    open_db("postgresql://u:hid%zzden@host/d");
    wait_for(&lost, 1);
    assert_null(strstr(db_failure(db), "hid"));
    assert_non_null(strstr(db_failure(db), "cannot be read"));
}

/* tear_down() sees that each was told. */
static void
test_what_is_pending_at_the_end_is_told(void **state)
{
    (void)state;
    wait_for(&usable, 1);
    postgres_says(QUERY, (struct postgres_reply){ .reaction = POSTGRES_IS_SILENT });
    submit();
    submit();
    again = true; /* one more, from within the first of their answers */
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_calls_are_answered_in_order),
        TEST(test_before_it_is_usable_a_call_fails_through_the_loop),
        TEST(test_a_refusal_concerns_its_call_alone),
        TEST(test_a_message_that_may_quote_a_value_is_not_told),
        TEST(test_when_the_connection_dies_every_call_fails_and_it_heals),
        TEST(test_what_is_no_protocol_is_a_dead_connection),
        TEST(test_silence_is_a_dead_connection),
        TEST(test_a_stale_statement_ends_the_connection),
        TEST(test_no_more_than_so_many_wait),
        TEST(test_calling_again_from_within_the_answer),
        TEST(test_a_standby_is_not_used),
        TEST(test_an_old_primary_is_not_used),
        TEST(test_what_postgresql_does_not_tell_is_not_refused),
        TEST(test_a_connection_to_the_old_primary_ends_when_another_has_seen_the_new_one),
        TEST(test_an_answer_of_the_old_primary_is_not_believed),
        TEST(test_a_call_that_waits_for_the_old_primary_ends),
        TEST(test_a_session_that_cannot_be_relied_on_is_not_used),
        TEST(test_a_schema_without_its_triggers_is_not_used),
        TEST(test_a_schema_of_another_version_is_not_used),
        TEST(test_a_failure_at_the_start_is_no_verdict_on_the_schema),
        TEST(test_an_address_that_cannot_be_read_is_not_quoted),
        TEST(test_what_is_pending_at_the_end_is_told),
    };
    db_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
