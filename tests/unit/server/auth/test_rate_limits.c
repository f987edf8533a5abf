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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
