#include "common/clock.h"
#include "common/log.h"
#include "server/auth/lease_client.h"
#include "server/auth/rate_limits.h"
#include "server/database/handlers.h"
#include "server/metrics.h"
#include "server/presence.h"
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scripted_db.h"

static struct event_base *base;
static struct handlers *handlers;
static struct rate_limits *limits;
static struct metrics metrics;
static struct lease_client *leases;
static struct presence *presence;
static int registrations;

static void
on_registered(void *argument)
{
    assert_ptr_equal(argument, &registrations);
    registrations++;
}

static int
set_up(void **state)
{
    (void)state;
    log_setup("test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    scripted_reset();
    registrations = 0;
    base = event_base_new();
    const struct db_options options = { .url = "" };
    handlers = handlers_new(base, &options);
    limits = rate_limits_new(600, 120);
    leases = lease_client_new(base, handlers, limits, &metrics);
    const struct presence_options of_presence = { .base = base,
                                                  .db = handlers_background(handlers),
                                                  .limits = limits,
                                                  .leases = leases,
                                                  .on_registered = on_registered,
                                                  .argument = &registrations };
    presence = presence_new(&of_presence);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    lease_client_close(leases);
    handlers_free(handlers);
    lease_client_free(leases);
    presence_free(presence);
    rate_limits_free(limits);
    event_base_free(base);
    assert_int_equal(scripted.results, 0);
    return 0;
}

/* Rows of servers/beat: the others, and whether each knows this server. */
static void
answer_beat(const char *const *cells, int rows)
{
    answer_next(QUERY_SERVERS_BEAT, cells, rows, 2);
}

/* What the beat that waits tells of the others. */
static const char *
told(void)
{
    return scripted.calls[scripted_waiting(QUERY_SERVERS_BEAT, 0)].values[2].bytes;
}

static void
wait_for_beat(void)
{
    while (scripted_waiting_count(QUERY_SERVERS_BEAT) == 0) {
        event_base_loop(base, EVLOOP_ONCE);
    }
}

static void
test_a_lone_server_is_registered_at_once(void **state)
{
    (void)state;
    presence_beat(presence);
    assert_string_equal(told(), "{}");
    assert_int_equal(registrations, 0);
    answer_beat(NULL, 0);
    assert_int_equal(registrations, 1);
    assert_int_equal(rate_limits_servers(limits), 1);
    wait_for_beat();
    answer_beat(NULL, 0);
    assert_int_equal(registrations, 1);
}

static void
test_a_server_waits_until_the_others_know_it(void **state)
{
    (void)state;
    presence_beat(presence);
    answer_beat((const char *const[]){ "-5", "1", "8", "0" }, 2);
    assert_int_equal(rate_limits_servers(limits), 3);
    assert_int_equal(registrations, 0);
    wait_for_beat();
    assert_string_equal(told(), "{-5,8}");
    answer_beat((const char *const[]){ "-5", "1", "8", "1" }, 2);
    assert_int_equal(registrations, 1);
}

static void
test_it_does_not_wait_for_ever(void **state)
{
    (void)state;
    int64_t began_ms = clock_monotonic_ms();
    presence_beat(presence);
    while (registrations == 0) {
        wait_for_beat();
        answer_beat((const char *const[]){ "8", "0" }, 1);
    }
    assert_in_range(clock_monotonic_ms() - began_ms, PRESENCE_WAIT_MS, PRESENCE_WAIT_MS + 5000);
}

static void
test_a_new_server_is_known_only_when_what_was_used_is_told(void **state)
{
    (void)state;
    presence_beat(presence);
    answer_beat(NULL, 0);
    assert_true(
        rate_limits_take_call(limits, &(struct rate_caller){ .token_id = 7 }, clock_monotonic_ms()).allowed);
    wait_for_beat();
    answer_beat((const char *const[]){ "8", "0" }, 1);
    wait_for_beat();
    assert_string_equal(told(), "{}");
    answer_beat((const char *const[]){ "8", "0" }, 1);
    answer_next(QUERY_RATES_LEASE, (const char *const[]){ "7", "0", "599", "1", "60000000", "0" }, 1, 6);
    wait_for_beat();
    assert_string_equal(told(), "{8}");
}

static void
test_what_was_known_last_counts_without_postgresql(void **state)
{
    (void)state;
    presence_beat(presence);
    answer_beat((const char *const[]){ "8", "1" }, 1);
    wait_for_beat();
    lose_next(QUERY_SERVERS_BEAT);
    assert_int_equal(rate_limits_servers(limits), 2);
    wait_for_beat();
    answer_beat(NULL, 0); /* the windows of the other one may still be open */
    assert_int_equal(rate_limits_servers(limits), 2);
}

static void
test_it_takes_its_leave(void **state)
{
    (void)state;
    presence_beat(presence);
    answer_beat(NULL, 0);
    presence_leave(presence);
    presence_leave(presence);
    assert_false(presence_has_left(presence));
    assert_int_equal(scripted_waiting_count(QUERY_SERVERS_LEAVE), 1);
    answer_next(QUERY_SERVERS_LEAVE, NULL, 0, 0);
    assert_true(presence_has_left(presence));
}

static void
test_a_server_that_was_never_there_need_not_leave(void **state)
{
    (void)state;
    presence_leave(presence);
    assert_true(presence_has_left(presence));
    presence_beat(presence);
    assert_int_equal(scripted.count, 0);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_lone_server_is_registered_at_once),
        TEST(test_a_server_waits_until_the_others_know_it),
        TEST(test_it_does_not_wait_for_ever),
        TEST(test_a_new_server_is_known_only_when_what_was_used_is_told),
        TEST(test_what_was_known_last_counts_without_postgresql),
        TEST(test_it_takes_its_leave),
        TEST(test_a_server_that_was_never_there_need_not_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
