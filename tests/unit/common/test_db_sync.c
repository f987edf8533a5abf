#include "common/db_sync.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scripted_postgres.h"

#define QUERY QUERY_GATE_FIND_HASH /* any of one parameter */

static struct db_sync *db;
static char error[256];
static struct db_history history;
static struct db_hosts hosts;

static int
open_db(const char *url, enum db_sync_schema schema)
{
    error[0] = '\0';
    const struct db_sync_options options = { .url = url,
                                             .application_name = "test",
                                             .statement_timeout_ms = 1000,
                                             .schema = schema,
                                             .history = &history,
                                             .hosts = &hosts };
    return db_sync_open(&options, &db, error, sizeof(error));
}

static int
set_up(void **state)
{
    (void)state;
    history.newest = 0;
    postgres_start();
    postgres_says_text(QUERY, "here");
    assert_int_equal(open_db(postgres_url(), DB_SYNC_SCHEMA_CHECKED), 0);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    db_sync_close(db);
    db = NULL;
    postgres_stop();
    return 0;
}

static struct db_result *
call(void)
{
    return db_sync_call(db, QUERY, &DB_TEXT("x"));
}

static void
assert_status(struct db_result *result, enum db_status status)
{
    assert_int_equal(db_status(result), status);
    db_result_free(result);
}

static void
test_a_call_is_prepared_once(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct db_result *result = call();
        assert_int_equal(db_status(result), DB_OK);
        assert_string_equal(db_text(result, 0, 0), "here");
        db_result_free(result);
    }
    assert_int_equal(postgres_count(&postgres.prepared[QUERY]), 1);
    assert_int_equal(postgres_count(&postgres.executed[QUERY]), 3);
    assert_string_equal(db_sync_error(db), "");
}

static void
test_a_refusal_leaves_the_connection_alive(void **state)
{
    (void)state;
    postgres_says(QUERY, (struct postgres_reply){ .reaction = POSTGRES_REFUSES, .sqlstate = "23505" });
    struct db_result *result = call();
    assert_int_equal(db_status(result), DB_REFUSED);
    assert_string_equal(db_sqlstate(result), "23505");
    assert_string_equal(db_constraint(result), "the_constraint");
    db_result_free(result);
    assert_string_equal(db_sync_error(db), "said no");
    assert_true(db_sync_alive(db));
    postgres_says_text(QUERY, "here");
    assert_status(call(), DB_OK);
}

static void
test_a_lost_connection_stays_lost(void **state)
{
    (void)state;
    static const enum postgres_reaction ends[] = { POSTGRES_HANGS_UP, POSTGRES_TALKS_ROT };
    for (size_t i = 0; i < 2; i++) {
        postgres_says(QUERY, (struct postgres_reply){ .reaction = ends[i] });
        assert_status(call(), DB_UNAVAILABLE);
        assert_false(db_sync_alive(db));
        assert_string_not_equal(db_sync_error(db), "");
        assert_status(call(), DB_UNAVAILABLE);
        assert_status(db_sync_script(db, "select 1"), DB_UNAVAILABLE);
        db_sync_close(db);
        assert_int_equal(open_db(postgres_url(), DB_SYNC_SCHEMA_CHECKED), 0);
    }
}

static void
test_a_script(void **state)
{
    (void)state;
    assert_status(db_sync_script(db, "select 1; select 2"), DB_OK);
}

static void
test_a_notification_is_told_with_its_payload(void **state)
{
    (void)state;
    const char *channel, *payload;
    assert_false(db_sync_notification(db, &channel, &payload));
    postgres_says(QUERY, (struct postgres_reply){ .reaction = POSTGRES_NOTIFIES });
    assert_status(call(), DB_OK);
    assert_true(db_sync_notification(db, &channel, &payload));
    assert_string_equal(channel, "channel");
    assert_string_equal(payload, "payload");
    assert_false(db_sync_notification(db, &channel, &payload));
    assert_true(db_sync_descriptor(db) >= 0);
}

static void
test_another_schema_is_refused_where_it_is_checked(void **state)
{
    (void)state;
    db_sync_close(db);
    postgres_says(QUERY_DB_SCHEMA_VERSION,
                  (struct postgres_reply){ .columns = 3, .cells = { "1", NULL, "1" } });
    assert_int_equal(open_db(postgres_url(), DB_SYNC_SCHEMA_CHECKED), -1);
    assert_non_null(strstr(error, "older"));
    assert_int_equal(open_db(postgres_url(), DB_SYNC_SCHEMA_ANY), 0);
    error[0] = '\0';
    assert_false(db_sync_schema_fits(db, error, sizeof(error)));
    assert_non_null(strstr(error, "is version 1, older"));
}

static void
test_no_schema_at_all(void **state)
{
    (void)state;
    db_sync_close(db);
    postgres_says(QUERY_DB_SCHEMA_VERSION,
                  (struct postgres_reply){ .reaction = POSTGRES_REFUSES, .sqlstate = "42P01" });
    assert_int_equal(open_db(postgres_url(), DB_SYNC_SCHEMA_CHECKED), -1);
    assert_non_null(strstr(error, "no schema yet"));
    assert_int_equal(open_db(postgres_url(), DB_SYNC_SCHEMA_ANY), 0);
    error[0] = '\0';
    assert_false(db_sync_schema_fits(db, error, sizeof(error)));
    assert_non_null(strstr(error, "no schema yet"));
}

static void
test_a_standby_is_refused(void **state)
{
    (void)state;
    db_sync_close(db);
    db = NULL;
    postgres_says_text(QUERY_DB_SESSION, "standby");
    assert_int_equal(open_db(postgres_url(), DB_SYNC_SCHEMA_ANY), -1);
    assert_non_null(strstr(error, "standby"));
}

static void
test_an_old_primary_is_refused_and_passed_over(void **state)
{
    (void)state;
    char url[160], others_first[160];
    snprintf(url, sizeof(url), "host=%s,/nonexistent user=u dbname=d", postgres.directory);
    snprintf(others_first, sizeof(others_first), "/nonexistent,%s", postgres.directory);
    static const struct {
        struct postgres_reply reply;
        int outcome;
    } turns[] = {
        { { .columns = 2, .cells = { "7", "2" } }, 0 },
        { { .columns = 2, .cells = { "7", "1" } }, -1 },
        { { .reaction = POSTGRES_REFUSES, .sqlstate = "42501" }, 0 }, /* what is not told is no reason */
    };
    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        db_sync_close(db);
        db = NULL;
        postgres_says(QUERY_DB_HISTORY, turns[i].reply);
        assert_int_equal(open_db(url, DB_SYNC_SCHEMA_ANY), turns[i].outcome);
        if (turns[i].outcome < 0) {
            assert_non_null(strstr(error, "an old timeline (1) of a PostgreSQL whose timeline 2"));
            assert_string_equal(hosts.host, others_first);
        }
    }
    db_hosts_clear(&hosts);
}

static void
test_an_address_that_leads_nowhere(void **state)
{
    (void)state;
    db_sync_close(db);
    db = NULL;
    assert_int_equal(open_db("host=/nonexistent port=1 user=u password=hidden", DB_SYNC_SCHEMA_ANY), -1);
    assert_string_not_equal(error, "");
    assert_null(strstr(error, "hidden"));
    assert_null(strchr(error, '\n'));
    assert_int_equal(open_db("postgresql://u:hid%zzden@host/d", DB_SYNC_SCHEMA_ANY), -1);
    assert_null(strstr(error, "hid"));
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_call_is_prepared_once),
        TEST(test_a_refusal_leaves_the_connection_alive),
        TEST(test_a_lost_connection_stays_lost),
        TEST(test_a_script),
        TEST(test_a_notification_is_told_with_its_payload),
        TEST(test_another_schema_is_refused_where_it_is_checked),
        TEST(test_no_schema_at_all),
        TEST(test_a_standby_is_refused),
        TEST(test_an_old_primary_is_refused_and_passed_over),
        TEST(test_an_address_that_leads_nowhere),
    };
    db_sync_close(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
