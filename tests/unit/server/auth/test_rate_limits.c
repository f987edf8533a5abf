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
        cmocka_unit_test(test_is_bounded),
        cmocka_unit_test(test_threads_share_the_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
