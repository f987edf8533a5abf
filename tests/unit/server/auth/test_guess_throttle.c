#include "common/clock.h"
#include "common/secret.h"
#include "server/auth/guess_throttle.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct client_address
address_of(const char *text)
{
    struct client_address address = { .known = true };
    assert_int_equal(inet_pton(AF_INET6, text, address.bytes), 1);
    return address;
}

static int
guess_until_refused(struct guess_throttle *throttle, enum guess_kind kind, const char *from,
                    const char *target)
{
    struct client_address address = address_of(from);
    int count = 0;
    while (guess_throttle_begin(throttle, kind, &address, target) == 0) {
        count++;
    }
    return count;
}

static void
test_budgets(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    struct client_address here = address_of("::ffff:192.0.2.1");
    assert_int_equal(guess_until_refused(throttle, GUESS_PASSWORD, "::ffff:192.0.2.1", "a@b.c"), 5);
    assert_in_range(guess_throttle_begin(throttle, GUESS_PASSWORD, &here, "A@B.c"), 55, 60);
    assert_int_equal(guess_throttle_begin(throttle, GUESS_PASSWORD, &here, "other@b.c"), 0);
    assert_int_equal(guess_until_refused(throttle, GUESS_PASSWORD, "::ffff:192.0.2.2", "a@b.c"), 5);
    assert_int_equal(guess_until_refused(throttle, GUESS_TOKEN, "::ffff:192.0.2.1", "aaaaaaaa"), 10);
    assert_int_equal(guess_until_refused(throttle, GUESS_TOKEN, "::ffff:192.0.2.1", "AAAAAAAA"), 10);
    guess_throttle_free(throttle);
}

static void
test_an_address_has_a_budget_over_all_targets(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    char target[16];
    int count = 0;
    for (int i = 0; i < 40; i++) {
        snprintf(target, sizeof(target), "%d@b.c", i);
        struct client_address here = address_of("::ffff:192.0.2.1");
        count += guess_throttle_begin(throttle, GUESS_PASSWORD, &here, target) == 0;
    }
    assert_int_equal(count, 20);
    guess_throttle_free(throttle);
}

/* A client without budget makes no buckets, so it cannot evict those of others. */
static void
test_refused_guesses_evict_nothing(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    struct client_address stranger = address_of("::ffff:192.0.2.2");
    char target[16];
    assert_int_equal(guess_until_refused(throttle, GUESS_PASSWORD, "::ffff:192.0.2.1", "a@b.c"), 5);
    for (int i = 0; i < 40000; i++) {
        snprintf(target, sizeof(target), "%d@b.c", i);
        guess_throttle_begin(throttle, GUESS_PASSWORD, &stranger, target);
    }
    assert_int_equal(guess_until_refused(throttle, GUESS_PASSWORD, "::ffff:192.0.2.1", "a@b.c"), 0);
    guess_throttle_free(throttle);
}

/* Tokens that are checked at the same time are charged to their address only afterwards. */
static void
test_a_debt_is_bounded(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    struct client_address here = address_of("::ffff:192.0.2.1");
    char target[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(target, sizeof(target), "%d", i);
        assert_int_equal(guess_throttle_begin(throttle, GUESS_TOKEN, &here, target), 0);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(target, sizeof(target), "%d", i);
        guess_throttle_settle(throttle, GUESS_TOKEN, &here, target, true);
        if (i == 99) {
            assert_in_range(guess_throttle_begin(throttle, GUESS_TOKEN, &here, "bbbbbbbb"), 40, 41);
        }
    }
    assert_in_range(guess_throttle_begin(throttle, GUESS_TOKEN, &here, "bbbbbbbb"), 600, 601);
    guess_throttle_free(throttle);
}

static void
test_an_ipv6_network_is_one_address(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    assert_int_equal(guess_until_refused(throttle, GUESS_PASSWORD, "2001:db8:1:2::1", "a@b.c"), 5);
    assert_int_equal(guess_until_refused(throttle, GUESS_PASSWORD, "2001:db8:1:2:ffff::9", "a@b.c"), 0);
    assert_int_equal(guess_until_refused(throttle, GUESS_PASSWORD, "2001:db8:1:3::1", "a@b.c"), 5);
    guess_throttle_free(throttle);
}

static void
test_a_right_guess_is_refunded(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    struct client_address here = address_of("::ffff:192.0.2.1");
    for (int i = 0; i < 100; i++) {
        assert_int_equal(guess_throttle_begin(throttle, GUESS_PASSWORD, &here, "a@b.c"), 0);
        guess_throttle_settle(throttle, GUESS_PASSWORD, &here, "a@b.c", false);
    }
    assert_int_equal(guess_until_refused(throttle, GUESS_PASSWORD, "::ffff:192.0.2.1", "a@b.c"), 5);
    guess_throttle_free(throttle);
}

static void
test_a_token_costs_its_address_only_when_it_was_wrong(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    struct client_address here = address_of("::ffff:192.0.2.1");
    char target[16];
    for (int i = 0; i < 200; i++) {
        snprintf(target, sizeof(target), "right%d", i);
        assert_int_equal(guess_throttle_begin(throttle, GUESS_TOKEN, &here, target), 0);
        guess_throttle_settle(throttle, GUESS_TOKEN, &here, target, false);
    }
    int wrong = 0;
    for (; guess_throttle_begin(throttle, GUESS_TOKEN, &here, target) == 0; wrong++) {
        guess_throttle_settle(throttle, GUESS_TOKEN, &here, target, true);
        snprintf(target, sizeof(target), "wrong%d", wrong);
    }
    assert_int_equal(wrong, 60);
    guess_throttle_free(throttle);
}

/* Tokens that are proven after a start evict no budget of a guesser. */
static void
test_a_right_guess_takes_no_room(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    struct client_address here = address_of("::ffff:192.0.2.2");
    char target[16];
    assert_int_equal(guess_until_refused(throttle, GUESS_TOKEN, "::ffff:192.0.2.1", "aaaaaaaa"), 10);
    for (int i = 0; i < 40000; i++) {
        snprintf(target, sizeof(target), "%d", i);
        assert_int_equal(guess_throttle_begin(throttle, GUESS_TOKEN, &here, target), 0);
        guess_throttle_settle(throttle, GUESS_TOKEN, &here, target, false);
    }
    assert_int_equal(guess_until_refused(throttle, GUESS_TOKEN, "::ffff:192.0.2.1", "aaaaaaaa"), 0);
    guess_throttle_free(throttle);
}

static struct guess_throttle *shared_throttle;
static atomic_int allowed_of_all;

static void *
guess_many(void *argument)
{
    struct client_address here = address_of("::ffff:192.0.2.1");
    for (int i = 0; i < 500; i++) {
        atomic_fetch_add(&allowed_of_all,
                         guess_throttle_begin(shared_throttle, GUESS_PASSWORD, &here, "a@b.c") == 0);
    }
    return argument;
}

static void
test_parallel_guesses_count(void **state)
{
    (void)state;
    shared_throttle = guess_throttle_new();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, guess_many, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&allowed_of_all), 5);
    guess_throttle_free(shared_throttle);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_an_address_has_a_budget_over_all_targets),
        cmocka_unit_test(test_refused_guesses_evict_nothing),
        cmocka_unit_test(test_a_debt_is_bounded),
        cmocka_unit_test(test_an_ipv6_network_is_one_address),
        cmocka_unit_test(test_a_right_guess_is_refunded),
        cmocka_unit_test(test_a_token_costs_its_address_only_when_it_was_wrong),
        cmocka_unit_test(test_a_right_guess_takes_no_room),
        cmocka_unit_test(test_parallel_guesses_count),
    };
    secret_setup();
    /* Otherwise budgets would refill while the machine is busy with something else. */
    clock_freeze(clock_monotonic_us(), clock_wall_us());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
