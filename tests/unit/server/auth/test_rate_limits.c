#include "server/auth/rate_limits.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

static int
spend(struct rate_limits *limits, int64_t token_id, int64_t quota, int64_t now_ms,
      struct rate_decision *ret_last)
{
    int allowed = 0;
    while ((*ret_last = rate_limits_take(limits, token_id, quota, now_ms)).allowed) {
        allowed++;
    }
    return allowed;
}

static void
test_counts_down(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    struct rate_decision first = rate_limits_take(limits, 1, 0, 1000);
    assert_true(first.allowed);
    assert_int_equal(first.quota, 600);
    assert_int_equal(first.remaining, 599);
    assert_int_equal(first.reset_seconds, 60);
    struct rate_decision second = rate_limits_take(limits, 1, 0, 11000);
    assert_int_equal(second.remaining, 598);
    assert_int_equal(second.reset_seconds, 50);
    assert_int_equal(rate_limits_take(limits, 2, 0, 11000).remaining, 599);
    rate_limits_free(limits);
}

static void
test_a_burst_refills_evenly(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    struct rate_decision last;
    assert_int_equal(spend(limits, 1, 0, 0, &last), 120);
    assert_int_equal(last.remaining, 0);
    assert_int_equal(last.reset_seconds, 1);
    assert_int_equal(spend(limits, 1, 0, 99, &last), 0);
    assert_int_equal(spend(limits, 1, 0, 100, &last), 1);
    assert_int_equal(spend(limits, 1, 0, 1100, &last), 10);
    rate_limits_free(limits);
}

static void
test_no_minute_has_more_than_the_quota(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    struct rate_decision last;
    int allowed = 0;
    for (int64_t now = 0; now < 60000; now += 50) {
        allowed += spend(limits, 1, 0, now, &last);
    }
    assert_int_equal(allowed, 600);
    assert_int_equal(last.reset_seconds, 1);
    assert_true(rate_limits_take(limits, 1, 0, 60000).allowed);
    rate_limits_free(limits);
}

static void
test_a_token_may_have_its_own(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    struct rate_decision last;
    assert_int_equal(spend(limits, 1, 6000, 0, &last), 1200);
    assert_int_equal(last.quota, 6000);
    assert_int_equal(spend(limits, 2, 60, 0, &last), 12);
    assert_int_equal(spend(limits, 3, 1, 0, &last), 1);
    assert_int_equal(last.reset_seconds, 60);
    rate_limits_free(limits);
}

static void
test_is_bounded(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 1);
    struct rate_decision last;
    spend(limits, 1, 0, 0, &last);
    for (int64_t i = 2; i < 400000; i++) {
        rate_limits_take(limits, i, 0, 0);
    }
    assert_true(rate_limits_take(limits, 1, 0, 0).allowed); /* long forgotten */
    rate_limits_free(limits);
}

static struct rate_decision
call(struct rate_limits *limits, int64_t token_id, int64_t session, int64_t user_id, int64_t quota,
     int64_t now_ms)
{
    const struct rate_caller caller = { token_id, session, user_id, quota };
    return rate_limits_take_call(limits, &caller, now_ms);
}

static int
spend_call(struct rate_limits *limits, int64_t token_id, int64_t session, int64_t user_id, int64_t quota)
{
    int allowed = 0;
    while (call(limits, token_id, session, user_id, quota, 0).allowed) {
        allowed++;
    }
    return allowed;
}

static void
test_a_session_is_limited_as_a_token(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    assert_true(rate_limits_peek_session(limits, 7, 0).allowed);
    assert_int_equal(spend_call(limits, 0, 7, 1, 0), 120);
    struct rate_decision refusal = rate_limits_peek_session(limits, 7, 0);
    assert_false(refusal.allowed);
    assert_int_equal(refusal.quota, 600);
    assert_int_equal(refusal.remaining, 0);
    assert_int_equal(refusal.reset_seconds, 1);
    assert_true(rate_limits_peek_session(limits, 8, 0).allowed);
    assert_true(rate_limits_peek_session(limits, 7, 100).allowed);
    /* The number of a session is not that of a token, nor of an account. */
    assert_int_equal(spend_call(limits, 7, 0, 7, 0), 120);
    rate_limits_free(limits);
}

static void
test_an_account_is_limited_to_ten_callers(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    int allowed = 0;
    for (int64_t i = 1; i <= 15; i++) {
        allowed += i % 2 ? spend_call(limits, i, 0, 1, 0) : spend_call(limits, 0, i, 1, 0);
    }
    assert_int_equal(allowed, 1200);
    struct rate_decision refusal = call(limits, 100, 0, 1, 0, 0);
    assert_false(refusal.allowed);
    assert_int_equal(refusal.quota, 600);
    assert_int_equal(refusal.remaining, 0);
    assert_int_equal(refusal.reset_seconds, 1);
    assert_true(call(limits, 200, 0, 2, 0, 0).allowed);
    /* The refused request was not counted as the token's, either. */
    assert_int_equal(call(limits, 100, 0, 1, 0, 10).remaining, 599);
    /* And a session of such an account is refused before it is looked up. */
    assert_false(call(limits, 0, 300, 1, 0, 10).allowed);
    assert_false(rate_limits_peek_session(limits, 300, 10).allowed);
    assert_true(rate_limits_peek_session(limits, 300, 1000).allowed);
    rate_limits_free(limits);
}

/* A request counts in the account as it counts against its own quota. */
static void
test_a_high_quota_does_not_use_up_the_others(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    assert_int_equal(spend_call(limits, 1, 0, 1, 60000), 12000);
    int allowed = 0;
    for (int64_t i = 2; i <= 15; i++) {
        allowed += spend_call(limits, i, 0, 1, 0);
    }
    assert_int_equal(allowed, 9 * 120);
    rate_limits_free(limits);
}

static void
test_acts_have_budgets_of_their_own(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    static const enum rate_act acts[] = { RATE_CREATION, RATE_SIGN_IN };
    for (int i = 0; i < 2; i++) {
        int allowed = 0;
        assert_int_equal(rate_limits_act_wait(limits, acts[i], 1, 0), 0);
        while (rate_limits_take_act(limits, acts[i], 1, 0) == 0) {
            allowed++;
        }
        assert_int_equal(allowed, 60);
        assert_int_equal(rate_limits_act_wait(limits, acts[i], 1, 0), 1);
        assert_int_equal(rate_limits_act_wait(limits, acts[i], 1, 1000), 0);
        assert_int_equal(rate_limits_take_act(limits, acts[i], 1, 999), 1);
        assert_int_equal(rate_limits_take_act(limits, acts[i], 1, 1000), 0);
        assert_int_equal(rate_limits_take_act(limits, acts[i], 1, 1000), 1);
        assert_int_equal(rate_limits_take_act(limits, acts[i], 2, 0), 0);
    }
    assert_int_equal(spend_call(limits, 1, 0, 1, 0), 120);
    rate_limits_free(limits);
}

static atomic_int allowed_of_all;
static struct rate_limits *shared_limits;

static void *
take_many(void *argument)
{
    for (int i = 0; i < 1000; i++) {
        atomic_fetch_add(&allowed_of_all, rate_limits_take(shared_limits, 1 + i % 2, 0, 5).allowed);
    }
    return argument;
}

static void
test_threads_share_the_count(void **state)
{
    (void)state;
    shared_limits = rate_limits_new(300, 300);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&allowed_of_all), 600);
    rate_limits_free(shared_limits);
}

/* --- leases --- */

#define SECOND_US INT64_C(1000000)

static const struct rate_caller caller_7 = { .token_id = 7, .user_id = 1 };

static struct rate_decision
call_7(struct rate_limits *limits, int64_t now_us)
{
    return rate_limits_take_call(limits, &caller_7, now_us / 1000);
}

/* Asks for a lease, and has it answered at once. */
static void
lease_7(struct rate_limits *limits, int64_t taken, int64_t pool, int64_t wait_us, int64_t now_us,
        struct lease_terms *ret_terms)
{
    const struct lease_grant grant = {
        .taken = taken, .pool = pool, .window = 1, .window_left_us = 30 * SECOND_US, .wait_us = wait_us
    };
    assert_true(rate_limits_begin_lease(limits, 7, taken > 0, taken, now_us, ret_terms));
    rate_limits_end_lease(limits, ret_terms, &grant, now_us, now_us);
}

static void
count_token(int64_t token_id, void *argument)
{
    assert_int_equal(token_id, 7);
    ++*(int *)argument;
}

static void
test_a_lone_server_needs_no_lease(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    int count = 0;
    assert_int_equal(rate_limits_servers(limits), 1);
    assert_false(rate_limits_set_servers(limits, 1, 0));
    assert_true(call_7(limits, 0).allowed);
    rate_limits_second_over(limits, SECOND_US, count_token, &count);
    assert_int_equal(count, 0);
    rate_limits_free(limits);
}

static void
test_calls_come_out_of_the_lease(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    struct lease_terms terms;
    assert_true(rate_limits_set_servers(limits, 2, 0));
    assert_false(rate_limits_set_servers(limits, 3, 0));
    assert_int_equal(rate_limits_servers(limits), 3);
    assert_true(rate_limits_lacks_lease(limits, 7, 0));
    struct rate_decision decision = call_7(limits, 0);
    assert_true(decision.needs_lease);
    assert_false(decision.allowed);
    lease_7(limits, 2, 598, 0, 0, &terms);
    assert_false(rate_limits_lacks_lease(limits, 7, 0));
    decision = call_7(limits, 0);
    assert_true(decision.allowed);
    assert_int_equal(decision.remaining, 599);
    assert_int_equal(decision.reset_seconds, 30);
    decision = call_7(limits, 0);
    assert_true(decision.allowed && decision.lease_is_low);
    assert_int_equal(decision.remaining, 598);
    assert_true(call_7(limits, 0).needs_lease);
    lease_7(limits, 0, 0, 20 * SECOND_US, 0, &terms);
    decision = call_7(limits, 0);
    assert_false(decision.allowed || decision.needs_lease);
    assert_int_equal(decision.remaining, 0);
    assert_int_equal(decision.reset_seconds, 20);
    rate_limits_free(limits);
}

static void
test_what_was_counted_before_is_told_once(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    struct lease_terms terms;
    int count = 0;
    for (int i = 0; i < 20; i++) {
        assert_true(call_7(limits, SECOND_US).allowed);
    }
    rate_limits_set_servers(limits, 2, 2 * SECOND_US);
    rate_limits_publish(limits, 2 * SECOND_US, count_token, &count);
    assert_int_equal(count, 1);
    struct lease_terms other;
    assert_true(rate_limits_begin_lease(limits, 7, false, 0, 2 * SECOND_US, &terms));
    assert_int_equal(terms.used, 20);
    assert_false(rate_limits_begin_lease(limits, 7, true, 1, 2 * SECOND_US, &other)); /* by another loop */
    assert_int_equal(terms.age_us, SECOND_US);
    assert_int_equal(terms.debt_us, SECOND_US); /* 20 of 10 a second, a second ago */
    rate_limits_fail_lease(limits, &terms);
    lease_7(limits, 1, 579, 0, 2 * SECOND_US, &terms);
    assert_int_equal(terms.used, 20);
    lease_7(limits, 1, 578, 0, 2 * SECOND_US, &terms);
    assert_int_equal(terms.used, 0);
    rate_limits_free(limits);
}

static void
test_leases_last_a_minute_longer_than_the_others(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    struct lease_terms terms;
    rate_limits_set_servers(limits, 2, 0);
    rate_limits_set_servers(limits, 1, 59 * SECOND_US);
    assert_int_equal(rate_limits_servers(limits), 2);
    lease_7(limits, 1, 599, 0, 59 * SECOND_US, &terms);
    rate_limits_set_servers(limits, 1, 60 * SECOND_US);
    assert_int_equal(rate_limits_servers(limits), 1);
    assert_true(call_7(limits, 60 * SECOND_US).allowed);
    assert_true(call_7(limits, 60 * SECOND_US).needs_lease);
    assert_int_equal(call_7(limits, 89 * SECOND_US).remaining, 599);
    rate_limits_free(limits);
}

static void
test_an_account_over_its_limit_leaves_the_lease(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 1);
    struct lease_terms terms;
    rate_limits_set_servers(limits, 2, 0);
    for (int64_t token_id = 100; token_id < 110; token_id++) {
        const struct lease_grant grant = {
            .taken = 1, .pool = 599, .window = 1, .window_left_us = 30 * SECOND_US
        };
        const struct rate_caller caller = { .token_id = token_id, .user_id = 1 };
        assert_true(rate_limits_begin_lease(limits, token_id, true, 1, 0, &terms));
        rate_limits_end_lease(limits, &terms, &grant, 0, 0);
        assert_true(rate_limits_take_call(limits, &caller, 0).allowed);
    }
    lease_7(limits, 1, 599, 0, 0, &terms);
    assert_false(call_7(limits, 0).allowed);
    assert_true(call_7(limits, SECOND_US).allowed);
    rate_limits_free(limits);
}

static void
test_what_is_unused_is_given_back(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    struct lease_terms terms;
    int count = 0;
    rate_limits_set_servers(limits, 2, 0);
    lease_7(limits, 20, 580, 0, 0, &terms);
    call_7(limits, 0);
    rate_limits_second_over(limits, SECOND_US, count_token, &count);
    assert_int_equal(count, 1);
    lease_7(limits, 0, 595, 0, SECOND_US, &terms);
    assert_int_equal(terms.returned, 15);
    assert_int_equal(terms.window, 1);
    rate_limits_give_all_back(limits, count_token, &count);
    lease_7(limits, 0, 599, 0, SECOND_US, &terms);
    assert_int_equal(terms.returned, 4);
    rate_limits_second_over(limits, 31 * SECOND_US, count_token, &count);
    rate_limits_second_over(limits, 32 * SECOND_US, count_token, &count);
    assert_int_equal(count, 2);
    assert_true(rate_limits_lacks_lease(limits, 7, 32 * SECOND_US));
    rate_limits_free(limits);
}

static void
test_a_session_is_counted_here(void **state)
{
    (void)state;
    struct rate_limits *limits = rate_limits_new(600, 120);
    rate_limits_set_servers(limits, 2, 0);
    assert_true(rate_limits_take_call(limits, &(struct rate_caller){ .session = 5 }, 0).allowed);
    rate_limits_free(limits);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_down),
        cmocka_unit_test(test_a_burst_refills_evenly),
        cmocka_unit_test(test_no_minute_has_more_than_the_quota),
        cmocka_unit_test(test_a_token_may_have_its_own),
        cmocka_unit_test(test_a_session_is_limited_as_a_token),
        cmocka_unit_test(test_an_account_is_limited_to_ten_callers),
        cmocka_unit_test(test_a_high_quota_does_not_use_up_the_others),
        cmocka_unit_test(test_acts_have_budgets_of_their_own),
        cmocka_unit_test(test_is_bounded),
        cmocka_unit_test(test_threads_share_the_count),
        cmocka_unit_test(test_a_lone_server_needs_no_lease),
        cmocka_unit_test(test_calls_come_out_of_the_lease),
        cmocka_unit_test(test_what_was_counted_before_is_told_once),
        cmocka_unit_test(test_leases_last_a_minute_longer_than_the_others),
        cmocka_unit_test(test_an_account_over_its_limit_leaves_the_lease),
        cmocka_unit_test(test_what_is_unused_is_given_back),
        cmocka_unit_test(test_a_session_is_counted_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
