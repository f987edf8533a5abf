#include "common/clock.h"
#include "common/log.h"
#include "server/auth/lease_client.h"
#include "server/auth/rate_limits.h"
#include "server/database/handlers.h"
#include "server/metrics.h"
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "scripted_db.h"

#define QUESTIONS 8
#define COLUMNS   6

static struct event_base *base;
static struct handlers *handlers;
static struct rate_limits *limits;
static struct metrics metrics;
static struct lease_client *leases;

static struct {
    struct lease_question question;
    int answers;
    bool is_answered;
} asked[QUESTIONS];

static int64_t again; /* a token that waits once more from within the next callback */

static void wait_for(int index, int64_t token_id);

static void
on_lease(bool is_answered, void *argument)
{
    int index = (int)(intptr_t)argument;
    asked[index].answers++;
    asked[index].is_answered = is_answered;
    if (again) {
        int64_t token_id = again;
        again = 0;
        wait_for(index + 1, token_id);
    }
}

static void
wait_for(int index, int64_t token_id)
{
    asked[index].question = (struct lease_question){ .token_id = token_id,
                                                     .callback = on_lease,
                                                     .argument = (void *)(intptr_t)index };
    lease_client_wait(leases, &asked[index].question);
    assert_int_equal(asked[index].answers, 0);
}

static void
end_turn(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static int64_t
now_us(void)
{
    return clock_monotonic_us();
}

/* One of the arrays of the statement that waits: 0 tokens, 1 wanted, 2 returned, 3 windows, 4 used. */
static const char *
sent(int array)
{
    return scripted.calls[scripted_waiting(QUERY_RATES_LEASE, 0)].values[array].bytes;
}

static void
answer_lease(const char *token, const char *taken, const char *pool, const char *wait)
{
    answer_next(QUERY_RATES_LEASE, (const char *const[]){ token, taken, pool, "1", "50000000", wait }, 1,
                COLUMNS);
}

static int
set_up(void **state)
{
    (void)state;
    log_setup("test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    scripted_reset();
    memset(asked, 0, sizeof(asked));
    memset(&metrics, 0, sizeof(metrics));
    base = event_base_new();
    const struct db_options options = { .url = "" };
    handlers = handlers_new(base, &options);
    limits = rate_limits_new(600, 120);
    rate_limits_set_servers(limits, 2, now_us());
    leases = lease_client_new(base, handlers, limits, &metrics);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    lease_client_close(leases);
    handlers_free(handlers);
    lease_client_free(leases);
    rate_limits_free(limits);
    event_base_free(base);
    assert_int_equal(scripted.results, 0);
    return 0;
}

static void
test_a_turn_is_one_statement(void **state)
{
    (void)state;
    wait_for(0, 7);
    wait_for(1, 9);
    wait_for(2, 7);
    assert_int_equal(scripted.count, 0);
    end_turn();
    assert_int_equal(scripted.count, 1);
    assert_string_equal(sent(0), "{7,9}");
    assert_string_equal(sent(1), "{2,1}");
    assert_string_equal(scripted.calls[0].values[7].bytes, "600");
    assert_string_equal(scripted.calls[0].values[8].bytes, "120");
    assert_string_equal(scripted.calls[0].values[9].bytes, "2");
    const char *const cells[] = {
        "7", "2", "598", "1", "50000000", "0", "9", "1", "599", "1", "50000000", "0"
    };
    answer_next(QUERY_RATES_LEASE, cells, 2, COLUMNS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(asked[i].answers, 1);
        assert_true(asked[i].is_answered);
    }
    assert_true(
        rate_limits_take_call(limits, &(struct rate_caller){ .token_id = 7 }, now_us() / 1000).allowed);
    assert_int_equal(counter_read(&metrics.lease_statements), 1);
    assert_int_equal(counter_read(&metrics.leases_taken), 3);
    assert_int_equal(counter_read(&metrics.lease_waits), 3);
    assert_true(lease_client_is_idle(leases));
}

static void
test_what_comes_meanwhile_waits_for_the_answer(void **state)
{
    (void)state;
    wait_for(0, 7);
    end_turn();
    wait_for(1, 8);
    wait_for(2, 7); /* of the statement under way */
    end_turn();
    assert_int_equal(scripted.count, 1);
    answer_lease("7", "1", "599", "0");
    assert_int_equal(asked[0].answers + asked[2].answers, 2);
    assert_int_equal(asked[1].answers, 0);
    assert_int_equal(scripted.count, 2);
    assert_string_equal(sent(0), "{8}");
    answer_lease("8", "1", "599", "0");
    assert_int_equal(asked[1].answers, 1);
}

static void
test_a_call_is_counted_once(void **state)
{
    (void)state;
    lease_client_ask(leases, 7, 1);
    asked[0].question.is_counted = true;
    asked[0].question.token_id = 7;
    asked[0].question.callback = on_lease;
    lease_client_wait(leases, &asked[0].question);
    end_turn();
    assert_string_equal(sent(1), "{1}");
    answer_lease("7", "1", "599", "0");
    assert_int_equal(asked[0].answers, 1);
}

static void
test_nobody_waits_for_ever_without_postgresql(void **state)
{
    (void)state;
    wait_for(0, 7);
    end_turn();
    lose_next(QUERY_RATES_LEASE);
    assert_int_equal(asked[0].answers, 1);
    assert_false(asked[0].is_answered);
    wait_for(1, 7);
    end_turn();
    refuse_next(QUERY_RATES_LEASE, "55P03");
    assert_int_equal(asked[1].answers, 1);
    assert_false(asked[1].is_answered);
    assert_int_equal(counter_read(&metrics.lease_failures), 2);
    wait_for(2, 7);
    end_turn();
    answer_lease("7", "1", "599", "0");
    assert_true(asked[2].is_answered);
}

static void
test_a_token_that_is_gone_has_no_lease(void **state)
{
    (void)state;
    wait_for(0, 7);
    end_turn();
    answer_next(QUERY_RATES_LEASE, NULL, 0, COLUMNS);
    assert_int_equal(asked[0].answers, 1);
    assert_false(asked[0].is_answered);
}

static void
test_many_tokens_are_several_statements(void **state)
{
    (void)state;
    for (int64_t token_id = 1; token_id <= LEASE_CLIENT_BATCH_MAX + 2; token_id++) {
        lease_client_ask(leases, token_id, 1);
    }
    end_turn();
    assert_int_equal(scripted.count, 1);
    answer_next(QUERY_RATES_LEASE, NULL, 0, COLUMNS);
    char tokens[32];
    snprintf(tokens, sizeof(tokens), "{%d,%d}", LEASE_CLIENT_BATCH_MAX + 1, LEASE_CLIENT_BATCH_MAX + 2);
    assert_string_equal(sent(0), tokens);
}

static void
test_a_callback_may_wait_again(void **state)
{
    (void)state;
    wait_for(0, 7);
    end_turn();
    again = 7;
    answer_lease("7", "1", "599", "0");
    end_turn();
    assert_int_equal(asked[1].answers, 0);
    answer_lease("7", "1", "598", "0");
    assert_int_equal(asked[1].answers, 1);
}

static void
test_the_end_ends_every_question(void **state)
{
    (void)state;
    wait_for(0, 7);
    end_turn();
    wait_for(2, 8);
    again = 7;
    tear_down(state);
    assert_int_equal(asked[0].answers, 1);
    assert_int_equal(asked[1].answers, 1);
    assert_int_equal(asked[2].answers, 1);
    set_up(state);
}

static void
test_what_was_counted_before_is_told(void **state)
{
    (void)state;
    rate_limits_free(limits);
    lease_client_free(leases);
    limits = rate_limits_new(600, 120);
    leases = lease_client_new(base, handlers, limits, &metrics);
    const struct rate_caller caller = { .token_id = 7 };
    for (int i = 0; i < 5; i++) {
        assert_true(rate_limits_take_call(limits, &caller, now_us() / 1000).allowed);
    }
    assert_true(rate_limits_set_servers(limits, 2, now_us()));
    lease_client_publish(leases);
    assert_false(lease_client_has_published(leases));
    end_turn();
    assert_string_equal(sent(0), "{7}");
    assert_string_equal(sent(1), "{0}");
    assert_string_equal(sent(4), "{5}");
    lose_next(QUERY_RATES_LEASE);
    assert_true(lease_client_has_published(leases));
    lease_client_second_over(leases);
    end_turn();
    assert_string_equal(sent(4), "{5}");
    answer_lease("7", "0", "595", "0");
    lease_client_second_over(leases);
    end_turn();
    assert_true(lease_client_is_idle(leases));
}

static void
test_nothing_is_leased_while_another_loop_tells_what_was_counted(void **state)
{
    (void)state;
    const struct rate_caller caller = { .token_id = 7 };
    const struct lease_grant grant = { .pool = 599, .window = 1, .window_left_us = 50000000 };
    struct lease_terms terms;
    rate_limits_free(limits);
    lease_client_free(leases);
    limits = rate_limits_new(600, 120);
    leases = lease_client_new(base, handlers, limits, &metrics);
    assert_true(rate_limits_take_call(limits, &caller, now_us() / 1000).allowed);
    rate_limits_set_servers(limits, 2, now_us());
    assert_true(rate_limits_begin_lease(limits, 7, false, 0, now_us(), &terms));
    assert_int_equal(terms.used, 1);
    wait_for(0, 7);
    end_turn();
    event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(scripted.count, 0);
    rate_limits_end_lease(limits, &terms, &grant, now_us(), now_us());
    while (scripted.count == 0) {
        event_base_loop(base, EVLOOP_ONCE);
    }
    answer_lease("7", "1", "598", "0");
    assert_true(asked[0].is_answered);
}

static void
test_what_is_unused_is_given_back(void **state)
{
    (void)state;
    wait_for(0, 7);
    end_turn();
    answer_lease("7", "13", "587", "0");
    assert_true(
        rate_limits_take_call(limits, &(struct rate_caller){ .token_id = 7 }, now_us() / 1000).allowed);
    lease_client_second_over(leases);
    end_turn();
    assert_string_equal(sent(1), "{0}");
    assert_string_equal(sent(2), "{8}");
    assert_string_equal(sent(3), "{1}");
    answer_lease("7", "0", "595", "0");
    lease_client_give_all_back(leases);
    end_turn();
    assert_string_equal(sent(2), "{4}");
    answer_lease("7", "0", "599", "0");
    assert_int_equal(counter_read(&metrics.leases_returned), 12);
    assert_true(rate_limits_lacks_lease(limits, 7, now_us()));
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_turn_is_one_statement),
        TEST(test_what_comes_meanwhile_waits_for_the_answer),
        TEST(test_a_call_is_counted_once),
        TEST(test_nobody_waits_for_ever_without_postgresql),
        TEST(test_a_token_that_is_gone_has_no_lease),
        TEST(test_many_tokens_are_several_statements),
        TEST(test_a_callback_may_wait_again),
        TEST(test_the_end_ends_every_question),
        TEST(test_what_was_counted_before_is_told),
        TEST(test_nothing_is_leased_while_another_loop_tells_what_was_counted),
        TEST(test_what_is_unused_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
