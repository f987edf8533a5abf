#include "common/secret.h"
#include "server/auth/verified.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct verified_key
key_of(const struct verified *verified, int number)
{
    char token[32];
    struct verified_key key;
    int length = snprintf(token, sizeof(token), "token %d", number);
    verified_key_of(verified, token, (size_t)length, &key);
    return key;
}

static void
test_remembers_right_and_wrong(void **state)
{
    (void)state;
    struct verified *verified = verified_new(100, 100);
    struct verified_key good = key_of(verified, 1), wrong = key_of(verified, 2), other = key_of(verified, 3);
    int64_t token_id = 0;
    assert_true(verified_remember(verified, &good, VERIFIED_GOOD, 41));
    assert_true(verified_remember(verified, &wrong, VERIFIED_WRONG, 42));
    assert_false(verified_remember(verified, &good, VERIFIED_GOOD, 41)); /* known already */
    assert_int_equal(verified_find(verified, &good, &token_id), VERIFIED_GOOD);
    assert_int_equal(token_id, 41);
    token_id = 7;
    assert_int_equal(verified_find(verified, &wrong, &token_id), VERIFIED_WRONG);
    assert_int_equal(token_id, 7);
    assert_int_equal(verified_find(verified, &other, &token_id), VERIFIED_UNKNOWN);
    assert_true(verified_remember(verified, &wrong, VERIFIED_GOOD, 42));
    assert_int_equal(verified_find(verified, &wrong, &token_id), VERIFIED_GOOD);
    verified_free(verified);
}

static void
test_the_key_of_a_token_differs_from_process_to_process(void **state)
{
    (void)state;
    struct verified *one = verified_new(10, 10), *two = verified_new(10, 10);
    struct verified_key left = key_of(one, 1), again = key_of(one, 1), right = key_of(two, 1);
    assert_memory_equal(&left, &again, sizeof(left));
    assert_memory_not_equal(&left, &right, sizeof(left));
    verified_free(one);
    verified_free(two);
}

static int
count_known(struct verified *verified, int first, int end)
{
    int known = 0;
    int64_t token_id;
    for (int i = first; i < end; i++) {
        struct verified_key key = key_of(verified, i);
        known += verified_find(verified, &key, &token_id) != VERIFIED_UNKNOWN;
    }
    return known;
}

static void
test_is_bounded(void **state)
{
    (void)state;
    struct verified *verified = verified_new(160, 160);
    for (int i = 0; i < 5000; i++) {
        struct verified_key key = key_of(verified, i);
        verified_remember(verified, &key, VERIFIED_GOOD, i + 1);
    }
    assert_in_range(count_known(verified, 0, 5000), 160, 176);
    assert_in_range(count_known(verified, 4900, 5000), 60, 100);
    verified_free(verified);
}

static void
test_wrong_secrets_evict_no_right_one(void **state)
{
    (void)state;
    struct verified *verified = verified_new(3200, 160);
    for (int i = 0; i < 100; i++) {
        struct verified_key key = key_of(verified, i);
        verified_remember(verified, &key, VERIFIED_GOOD, i + 1);
    }
    for (int i = 100; i < 10000; i++) {
        struct verified_key key = key_of(verified, i);
        verified_remember(verified, &key, VERIFIED_WRONG, 1);
    }
    assert_int_equal(count_known(verified, 0, 100), 100);
    assert_in_range(count_known(verified, 100, 10000), 160, 176);
    verified_free(verified);
}

static void
test_a_used_entry_stays(void **state)
{
    (void)state;
    struct verified *verified = verified_new(320, 10);
    struct verified_key used = key_of(verified, 0);
    int64_t token_id;
    verified_remember(verified, &used, VERIFIED_GOOD, 1);
    for (int i = 1; i < 5000; i++) {
        struct verified_key key = key_of(verified, i);
        verified_remember(verified, &key, VERIFIED_GOOD, i + 1);
        assert_int_equal(verified_find(verified, &used, &token_id), VERIFIED_GOOD);
    }
    verified_free(verified);
}

static void *
use_it(void *argument)
{
    struct verified *verified = argument;
    long sum = 0;
    for (int i = 0; i < 20000; i++) {
        struct verified_key key = key_of(verified, i % 500);
        int64_t token_id = 0;
        if (verified_find(verified, &key, &token_id) == VERIFIED_GOOD) {
            sum += token_id == i % 500 + 1 ? 0 : 1;
        } else {
            verified_remember(verified, &key, i % 7 ? VERIFIED_GOOD : VERIFIED_WRONG, i % 500 + 1);
        }
    }
    return sum ? argument : NULL;
}

static void
test_threads_share_it(void **state)
{
    (void)state;
    struct verified *verified = verified_new(160, 160);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_it, verified), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    verified_free(verified);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remembers_right_and_wrong),
        cmocka_unit_test(test_the_key_of_a_token_differs_from_process_to_process),
        cmocka_unit_test(test_is_bounded),
        cmocka_unit_test(test_wrong_secrets_evict_no_right_one),
        cmocka_unit_test(test_a_used_entry_stays),
        cmocka_unit_test(test_threads_share_it),
    };
    secret_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
