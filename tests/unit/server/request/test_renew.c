#include "server/request/renew.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "loop_fixture.h"

#define QUEUE 4

static const char token[] = "tk_pat_secret", password[] = "correct horse";
static const struct secret_cost former = { 16, 2, 1 };

static void
make_hash(const char *secret, const struct secret_cost *cost, char ret_hash[SECRET_HASH_SIZE])
{
    assert_int_equal(secret_hash(secret, strlen(secret), cost, ret_hash), 0);
}

static void
assert_renewed(enum query query, const char *id, const char *former_hash, const char *secret)
{
    int call = last_call(query);
    assert_string_equal(scripted.calls[call].values[0].bytes, id);
    assert_string_equal(scripted.calls[call].values[1].bytes, former_hash);
    const char *renewed = scripted.calls[call].values[2].bytes;
    assert_false(secret_needs_rehash(renewed, &server.cost));
    assert_int_equal(secret_verify(renewed, secret, strlen(secret)), SECRET_MATCH);
}

static void
test_a_token_of_former_cost(void **state)
{
    (void)state;
    char hash[SECRET_HASH_SIZE];
    make_hash(token, &former, hash);
    renew_token_hash(&loop, 7, hash, token, strlen(token));
    loop_fixture_wait(0);
    assert_renewed(QUERY_GATE_RENEW_HASH, "7", hash, token);
    answer(0, NULL, 0, 0);
}

static void
test_a_password_of_former_cost(void **state)
{
    (void)state;
    char hash[SECRET_HASH_SIZE];
    make_hash(password, &former, hash);
    renew_password_hash(&loop, 3, hash, password, strlen(password));
    loop_fixture_wait(0);
    assert_renewed(QUERY_SESSIONS_RENEW_HASH, "3", hash, password);
    refuse(0, "57014"); /* the next proof tries again */
}

static void
test_a_hash_of_todays_cost_stays(void **state)
{
    (void)state;
    char hash[SECRET_HASH_SIZE];
    struct hasher_stats stats;
    make_hash(token, &server.cost, hash);
    renew_token_hash(&loop, 7, hash, token, strlen(token));
    hasher_read_stats(server.hasher, &stats);
    assert_int_equal(stats.done + stats.waiting[HASHER_TOKENS], 0);
}

/* What waits when the loop ends is freed with it, and nothing is written. */
static void
test_a_full_queue_and_the_end(void **state)
{
    (void)state;
    char hash[SECRET_HASH_SIZE];
    make_hash(token, &former, hash);
    for (int i = 0; i < 4 * QUEUE; i++) {
        renew_token_hash(&loop, 7, hash, token, strlen(token));
    }
    struct hasher_stats stats;
    hasher_read_stats(server.hasher, &stats);
    assert_true(stats.refused[HASHER_TOKENS] > 0);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, loop_fixture_set_up, loop_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_token_of_former_cost),
        TEST(test_a_password_of_former_cost),
        TEST(test_a_hash_of_todays_cost_stays),
        TEST(test_a_full_queue_and_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
