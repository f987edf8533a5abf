#include "common/clock.h"
#include "server/request/limits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "loop_fixture.h"

#define COOKIE "Cookie: testkase_session=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n"

/* Sends the request until it is refused; returns how many were allowed. */
static int
spend_session(void)
{
    for (int allowed = 0;; allowed++) {
        int before = scripted.count;
        send_request("GET /api/v1/session", COOKIE);
        if (scripted.count == before) {
            return allowed;
        }
        answer_session("member");
        assert_answer(200, "RateLimit-Policy: \"default\";q=600;w=60, \"burst\";q=120;w=12\r\n");
    }
}

static void
test_a_session_over_its_limit_costs_no_query(void **state)
{
    (void)state;
    assert_in_range(spend_session(), 120, 130); /* some may come back meanwhile */
    const char *answer = receive();
    assert_non_null(strstr(answer, "HTTP/1.1 429 "));
    assert_non_null(strstr(answer, "\r\nRateLimit: \"default\";r=0;t=1\r\n"));
    assert_non_null(strstr(answer, "\r\nRetry-After: 1\r\n"));
}

/* --- leases --- */

#define VERIFY "GET /api/v1/auth/verify"

static char bearer[128];

/* Another server lives, and the token's secret is proven. */
static int
set_up_shared(void **state)
{
    char token[TOKEN_LENGTH + 1];
    struct verified_key key;
    loop_fixture_set_up(state);
    token_make(token);
    token_preview(token, preview);
    snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s\r\n", token);
    verified_key_of(server.verified, token, TOKEN_LENGTH, &key);
    verified_remember(server.verified, &key, VERIFIED_GOOD, atoi(TOKEN_ID));
    rate_limits_set_servers(server.rate_limits, 2, clock_monotonic_us());
    return 0;
}

static void
answer_gate(void)
{
    answer_next(QUERY_GATE_EPOCH, (const char *const[]){ EPOCH, NOW, "1" }, 1, 3);
    if (scripted_waiting_count(QUERY_GATE_STATES) > 0) {
        const char *const cells[STATE_CELLS] = {
            EPOCH, NOW,     TOKEN_ID,           "f",   "2000",   "",       "CI", preview,  "", "30",
            NULL,  USER_ID, "ada@example.test", "Ada", "person", "member", "2",  "Example"
        };
        answer_next(QUERY_GATE_STATES, cells, 1, STATE_CELLS);
    }
}

static void
answer_lease(const char *taken, const char *pool, const char *wait)
{
    answer_next(QUERY_RATES_LEASE, (const char *const[]){ TOKEN_ID, taken, pool, "1", "30000000", wait }, 1,
                6);
}

static void
test_the_lease_is_asked_for_with_the_gates_question(void **state)
{
    (void)state;
    send_request(VERIFY, bearer);
    assert_int_equal(scripted_waiting_count(QUERY_GATE_EPOCH), 1);
    assert_int_equal(scripted_waiting_count(QUERY_RATES_LEASE), 1);
    answer_lease("3", "597", "0");
    answer_gate();
    assert_answer(200, "\r\nRateLimit: \"default\";r=599;t=30\r\n");
    assert_int_equal(counter_read(&loop.metrics.lease_waits), 0);
    send_request(VERIFY, bearer);
    answer_gate();
    assert_answer(200, "\r\nRateLimit: \"default\";r=598;t=30\r\n");
    assert_int_equal(counter_read(&loop.metrics.lease_statements), 1);
}

static void
test_a_request_waits_for_its_lease(void **state)
{
    (void)state;
    send_request(VERIFY, bearer);
    answer_gate();
    assert_string_equal(receive(), "");
    answer_lease("1", "599", "0");
    assert_answer(200, "\r\nRateLimit: \"default\";r=599;t=30\r\n");
    assert_int_equal(counter_read(&loop.metrics.lease_waits), 1);
}

static void
test_without_a_lease_the_answer_says_when(void **state)
{
    (void)state;
    send_request(VERIFY, bearer);
    answer_lease("0", "0", "20000000");
    answer_gate();
    assert_answer(429, "\r\nRetry-After: 20\r\n");
    send_request(VERIFY, bearer);
    assert_int_equal(scripted_waiting_count(QUERY_RATES_LEASE), 0);
    answer_gate();
    assert_answer(429, "\r\nRateLimit: \"default\";r=0;t=20\r\n");
}

static void
test_a_lease_that_never_comes_is_503(void **state)
{
    (void)state;
    send_request(VERIFY, bearer);
    answer_gate();
    lose_next(QUERY_RATES_LEASE);
    assert_answer(503, "\r\nRetry-After: 1\r\n");
    assert_int_equal(counter_read(&loop.metrics.lease_failures), 1);
}

static void
test_a_request_that_finds_all_spent_gives_up(void **state)
{
    (void)state;
    const struct rate_caller other = { .token_id = atoi(TOKEN_ID), .user_id = 9 };
    send_request(VERIFY, bearer);
    answer_gate();
    for (int i = 0; i < 3; i++) {
        answer_lease("0", "599", "0");
        loop_fixture_turn();
        assert_true(rate_limits_take_call(server.rate_limits, &other, clock_monotonic_ms()).needs_lease);
    }
    assert_answer(429, "\r\nRetry-After: 1\r\n");
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, loop_fixture_set_up, loop_fixture_tear_down)

#define SHARED(function) cmocka_unit_test_setup_teardown(function, set_up_shared, loop_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_session_over_its_limit_costs_no_query),
        SHARED(test_the_lease_is_asked_for_with_the_gates_question),
        SHARED(test_a_request_waits_for_its_lease),
        SHARED(test_without_a_lease_the_answer_says_when),
        SHARED(test_a_lease_that_never_comes_is_503),
        SHARED(test_a_request_that_finds_all_spent_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
