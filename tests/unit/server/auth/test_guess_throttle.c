#include "common/clock.h"
#include "common/secret.h"
#include "server/auth/guess_throttle.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
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

static int64_t
begin(struct guess_throttle *throttle, enum guess_kind kind, const struct client_address *address,
      const char *target)
{
    struct guess guess = { .kind = kind, .address = address, .target = target };
    return guess_throttle_begin(throttle, &guess);
}

/* Begins a guess and settles it. Returns whether it was allowed. */
static bool
guess_at(struct guess_throttle *throttle, enum guess_kind kind, const struct client_address *address,
         const char *target, bool is_wrong)
{
    struct guess guess = { .kind = kind, .address = address, .target = target };
    bool is_allowed = guess_throttle_begin(throttle, &guess) == 0;
    if (is_allowed) {
        guess_throttle_settle(throttle, &guess, is_wrong);
    }
    return is_allowed;
}

static bool
guess_once(struct guess_throttle *throttle, enum guess_kind kind, const char *from, const char *target,
           bool is_wrong)
{
    struct client_address address = address_of(from);
    return guess_at(throttle, kind, &address, target, is_wrong);
}

static int
guess_until_refused(struct guess_throttle *throttle, enum guess_kind kind, const char *from,
                    const char *target)
{
    struct client_address address = address_of(from);
    int count = 0;
    while (begin(throttle, kind, &address, target) == 0) {
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
    assert_in_range(begin(throttle, GUESS_PASSWORD, &here, "A@B.c"), 55, 60);
    assert_int_equal(begin(throttle, GUESS_PASSWORD, &here, "other@b.c"), 0);
    assert_int_equal(guess_until_refused(throttle, GUESS_PASSWORD, "::ffff:192.0.2.2", "a@b.c"), 5);
    assert_int_equal(guess_until_refused(throttle, GUESS_TOKEN, "::ffff:192.0.2.1", "aaaaaaaa"), 10);
    assert_int_equal(guess_until_refused(throttle, GUESS_TOKEN, "::ffff:192.0.2.1", "AAAAAAAA"), 10);
    guess_throttle_free(throttle);
}

/* Guesses at four accounts, so that nothing but the budget of the address is spent. */
static int
spend_address(struct guess_throttle *throttle, enum guess_kind kind, const char *from)
{
    int count = 0;
    for (char target[] = "a"; *target < 'j'; ++*target) {
        int passed = 0;
        for (int i = 0; i < (kind == GUESS_TOKEN ? 10 : 5); i++) {
            passed += guess_once(throttle, kind, from, target, true);
        }
        count += passed;
        if (passed < (kind == GUESS_TOKEN ? 10 : 5)) {
            break;
        }
    }
    return count;
}

static void
test_an_address_has_a_budget_over_all_targets(void **state)
{
    (void)state;
    static const int budgets[] = { [GUESS_PASSWORD] = 20, [GUESS_TOKEN] = 60, [GUESS_LEAK] = 30 };
    for (int kind = 0; kind < GUESS_INTROSPECTION; kind++) {
        struct guess_throttle *throttle = guess_throttle_new();
        assert_int_equal(spend_address(throttle, kind, "::ffff:192.0.2.1"),
                         budgets[kind] + 1 /* a first try */);
        assert_false(guess_once(throttle, kind, "::ffff:192.0.2.1", "a", true));
        assert_true(guess_once(throttle, kind, "::ffff:192.0.2.2", "a", true));
        guess_throttle_free(throttle);
    }
}

/* The clients of a service that introspects are behind its one address. */
static void
test_introspections_are_slowed_by_target_alone(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    char target[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(target, sizeof(target), "token%d", i);
        assert_true(guess_once(throttle, GUESS_INTROSPECTION, "::ffff:192.0.2.1", target, true));
    }
    assert_int_equal(guess_until_refused(throttle, GUESS_INTROSPECTION, "::ffff:192.0.2.1", "token0"), 9);
    assert_true(guess_once(throttle, GUESS_TOKEN, "::ffff:192.0.2.1", "token0", true));
    guess_throttle_free(throttle);
}

/* One client that spends the budget of its address does not lock out everybody behind it. */
static void
test_a_first_try_passes_on_the_reserve(void **state)
{
    (void)state;
    static const int reserves[] = { [GUESS_PASSWORD] = 10, [GUESS_TOKEN] = 20, [GUESS_LEAK] = 1 };
    for (int kind = 0; kind < GUESS_INTROSPECTION; kind++) {
        struct guess_throttle *throttle = guess_throttle_new();
        struct client_address here = address_of("::ffff:192.0.2.1");
        char target[16];
        int count = 1; /* the one of spend_address() */
        spend_address(throttle, kind, "::ffff:192.0.2.1");
        for (int i = 0; i < 40; i++) {
            snprintf(target, sizeof(target), "fresh%d", i);
            count += guess_once(throttle, kind, "::ffff:192.0.2.1", target, true);
            assert_in_range(begin(throttle, kind, &here, target), 1, 30);
        }
        assert_int_equal(count, reserves[kind]);
        assert_true(guess_once(throttle, kind, "::ffff:192.0.2.2", "fresh1", true));
        guess_throttle_free(throttle);
    }
}

static void
test_a_right_first_try_costs_no_reserve_and_restores_no_budget(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    spend_address(throttle, GUESS_PASSWORD, "::ffff:192.0.2.1");
    for (int i = 0; i < 100; i++) {
        assert_true(guess_once(throttle, GUESS_PASSWORD, "::ffff:192.0.2.1", "right", false));
    }
    assert_false(guess_once(throttle, GUESS_PASSWORD, "::ffff:192.0.2.1", "d", true));
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
        begin(throttle, GUESS_PASSWORD, &stranger, target);
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
        assert_int_equal(begin(throttle, GUESS_TOKEN, &here, target), 0);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(target, sizeof(target), "%d", i);
        const struct guess guess = { .kind = GUESS_TOKEN, .address = &here, .target = target };
        guess_throttle_settle(throttle, &guess, true);
        if (i == 99) {
            assert_in_range(begin(throttle, GUESS_TOKEN, &here, "0"), 40, 41);
        }
    }
    assert_in_range(begin(throttle, GUESS_TOKEN, &here, "0"), 59, 60);
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

/* Guesses at one account from `networks` /64s that begin with the /64 of `first`. */
static int
guess_from_networks(struct guess_throttle *throttle, const char *first, int networks)
{
    struct client_address address = address_of(first);
    int count = 0;
    for (int i = 0; i < networks; i++) {
        for (int j = 0; j < 5; j++) {
            count += guess_at(throttle, GUESS_PASSWORD, &address, "a@b.c", true);
        }
        if (++address.bytes[7] == 0) {
            address.bytes[6]++;
        }
    }
    return count;
}

/* With a budget for each /64 alone, a client that has a /48 would have 65536 of them. */
static void
test_wider_ipv6_networks_have_budgets(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    assert_int_equal(guess_from_networks(throttle, "2001:db8:1:100::1", 256), 40 + 10);
    assert_int_equal(guess_from_networks(throttle, "2001:db8:2::1", 65536), 80 + 10);
    assert_int_equal(guess_from_networks(throttle, "2001:db8:3::1", 1), 5);
    guess_throttle_free(throttle);
}

/* The addresses of all clients behind a NAT64 are in one /64. */
static void
test_an_ipv4_address_is_the_same_behind_a_translation(void **state)
{
    (void)state;
    static const char *const forms[] = { "::ffff:192.0.2.1", "64:ff9b::192.0.2.1", "64:ff9b:1::192.0.2.1",
                                         "2002:c000:201::1", "2001:0:1:2:3:4:3fff:fdfe" };
    struct guess_throttle *throttle = guess_throttle_new();
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        assert_true(guess_once(throttle, GUESS_PASSWORD, forms[i], "a@b.c", true));
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        assert_false(guess_once(throttle, GUESS_PASSWORD, forms[i], "a@b.c", true));
    }
    assert_true(guess_once(throttle, GUESS_PASSWORD, "64:ff9b::192.0.2.2", "a@b.c", true));
    guess_throttle_free(throttle);
}

static void
test_a_right_guess_is_refunded(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    for (int i = 0; i < 100; i++) {
        assert_true(guess_once(throttle, GUESS_PASSWORD, "::ffff:192.0.2.1", "a@b.c", false));
    }
    assert_int_equal(guess_until_refused(throttle, GUESS_PASSWORD, "::ffff:192.0.2.1", "a@b.c"), 5);
    guess_throttle_free(throttle);
}

static void
test_a_token_costs_its_address_only_when_it_was_wrong(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    char target[24];
    for (int i = 0; i < 200; i++) {
        snprintf(target, sizeof(target), "right%d", i);
        assert_true(guess_once(throttle, GUESS_TOKEN, "::ffff:192.0.2.1", target, false));
    }
    int wrong = 0;
    while (guess_once(throttle, GUESS_TOKEN, "::ffff:192.0.2.1", target, true)) {
        snprintf(target, sizeof(target), "wrong%d", wrong++);
    }
    assert_int_equal(wrong, 60 + 20 /* the reserve for first tries */);
    guess_throttle_free(throttle);
}

/* Tokens that are proven after a start evict no budget of a guesser. */
static void
test_a_right_guess_takes_no_room(void **state)
{
    (void)state;
    struct guess_throttle *throttle = guess_throttle_new();
    char target[16];
    assert_int_equal(guess_until_refused(throttle, GUESS_TOKEN, "::ffff:192.0.2.1", "aaaaaaaa"), 10);
    for (int i = 0; i < 40000; i++) {
        snprintf(target, sizeof(target), "%d", i);
        assert_true(guess_once(throttle, GUESS_TOKEN, "::ffff:192.0.2.2", target, false));
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
        atomic_fetch_add(&allowed_of_all, begin(shared_throttle, GUESS_PASSWORD, &here, "a@b.c") == 0);
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
        cmocka_unit_test(test_introspections_are_slowed_by_target_alone),
        cmocka_unit_test(test_a_first_try_passes_on_the_reserve),
        cmocka_unit_test(test_a_right_first_try_costs_no_reserve_and_restores_no_budget),
        cmocka_unit_test(test_refused_guesses_evict_nothing),
        cmocka_unit_test(test_a_debt_is_bounded),
        cmocka_unit_test(test_an_ipv6_network_is_one_address),
        cmocka_unit_test(test_wider_ipv6_networks_have_budgets),
        cmocka_unit_test(test_an_ipv4_address_is_the_same_behind_a_translation),
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
