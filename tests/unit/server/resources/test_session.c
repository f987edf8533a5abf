#include "server/resources/session.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../loop_fixture.h"

#define PASSWORD   "correct horse battery"
#define GENERATION "4"
#define COST       "m=8,t=1,p=1"
#define BUDGET     5 /* failures of one address at one account */

static char hash[SECRET_HASH_SIZE];

static int
set_up(void **state)
{
    loop_fixture_set_up(state);
    assert_int_equal(secret_hash(PASSWORD, strlen(PASSWORD), &server.cost, hash), 0);
    return 0;
}

static void
sign_in_as(const char *email, const char *password)
{
    char body[256], text[512];
    int length = snprintf(body, sizeof(body), "{\"email\":\"%s\",\"password\":\"%s\"}", email, password);
    snprintf(text, sizeof(text),
             "POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
             "Content-Length: %d\r\n\r\n%s",
             length, body);
    send_text(text);
}

static void
sign_in(const char *password)
{
    sign_in_as("ada@example.test", password);
}

static void
answer_credentials(void)
{
    int call = last_call(QUERY_SESSIONS_FIND_CREDENTIALS);
    int calls = scripted.count;
    answer(call, (const char *const[]){ USER_ID, hash, GENERATION, COST }, 1, 4);
    loop_fixture_wait(calls);
}

static void
test_a_right_password_opens_a_session(void **state)
{
    (void)state;
    sign_in(PASSWORD);
    answer_credentials();
    int call = last_call(QUERY_SESSIONS_CREATE);
    assert_string_equal(scripted.calls[call].values[0].bytes, USER_ID);
    assert_string_equal(scripted.calls[call].values[1].bytes, GENERATION); /* that it is still the password */
    answer(call,
           (const char *const[]){ USER_ID, "ada@example.test", "Ada", "person", "member", "2", "Example",
                                  "604800" },
           1, 8);
    assert_answer(201, "\r\nSet-Cookie: testkase_session=");
    assert_non_null(strstr(received, "; Max-Age=604800\r\n"));
    const char *cookie = strstr(received, "testkase_session=") + strlen("testkase_session=");
    unsigned char digest[SECRET_DIGEST_SIZE];
    secret_digest(cookie, strcspn(cookie, ";"), NULL, digest);
    assert_memory_equal(scripted.calls[call].values[2].bytes, digest, sizeof(digest)); /* only its digest */
}

static void
test_a_wrong_password(void **state)
{
    (void)state;
    for (int i = 0; i < BUDGET; i++) {
        sign_in("wrong horse");
        answer_credentials();
        assert_non_null(strstr(received, "\"invalid_credentials\""));
    }
    int calls = scripted.count;
    sign_in(PASSWORD); /* not even that, for a while */
    assert_answer(429, "\r\nRetry-After: ");
    assert_int_equal(scripted.count, calls);
}

static void
test_an_unknown_address_costs_the_same_and_says_the_same(void **state)
{
    (void)state;
    struct hasher_stats stats;
    memcpy(server.dummy_hash, hash, sizeof(hash)); /* even if somebody knew its password */
    sign_in(PASSWORD);
    int calls = scripted.count;
    answer(last_call(QUERY_SESSIONS_FIND_CREDENTIALS), NULL, 0, 4);
    loop_fixture_wait(calls);
    assert_non_null(strstr(received, "\"invalid_credentials\""));
    assert_int_equal(scripted.count, calls + 1);
    assert_int_equal(last_call(QUERY_SESSIONS_REFUSE), calls); /* that of a known one, too */
    hasher_read_stats(server.hasher, &stats);
    assert_int_equal(stats.done, 1);
}

static void
test_a_failure_is_recorded_behind_the_answer(void **state)
{
    (void)state;
    sign_in_as("  ada@example.test ", "wrong horse");
    answer_credentials();
    assert_non_null(strstr(received, "\"invalid_credentials\""));
    int call = last_call(QUERY_SESSIONS_REFUSE); /* which has no answer yet */
    assert_string_equal(scripted.calls[call].values[0].bytes, "ada@example.test");
    assert_int_equal(counter_read(&loop.metrics.sign_ins_failed[SIGN_IN_WRONG_PASSWORD]), 1);
}

#define COMPOSED   "Caf\u00e9 au lait"
#define DECOMPOSED "Cafe\u0301 au lait"

/* What was typed is compared only when the normalized form does not match; also for an unknown address. */
static void
test_forms_of_a_password(void **state)
{
    (void)state;
    static const char composed[] = "Caf\xC3\xA9 au lait", decomposed[] = "Cafe\xCC\x81 au lait";
    static const struct {
        const char *stored, *typed; /* NULL: nothing is stored */
        uint64_t proofs;
    } cases[] = { { composed, COMPOSED, 1 },       { composed, DECOMPOSED, 1 }, { decomposed, DECOMPOSED, 2 },
                  { composed, "Cafe au lait", 1 }, { NULL, COMPOSED, 1 },       { NULL, DECOMPOSED, 2 } };
    uint64_t done = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hasher_stats stats;
        const char *stored = cases[i].stored ? cases[i].stored : "nobody's";
        assert_int_equal(secret_hash(stored, strlen(stored), &server.cost, hash), 0);
        sign_in(cases[i].typed);
        int calls = scripted.count;
        answer(last_call(QUERY_SESSIONS_FIND_CREDENTIALS), (const char *const[]){ USER_ID, hash, "1", NULL },
               cases[i].stored ? 1 : 0, 4);
        loop_fixture_wait(calls);
        bool opens = cases[i].stored && strcmp(cases[i].typed, "Cafe au lait") != 0;
        assert_int_equal(scripted.calls[scripted.count - 1].query,
                         opens ? QUERY_SESSIONS_CREATE : QUERY_SESSIONS_REFUSE);
        hasher_read_stats(server.hasher, &stats);
        assert_int_equal(stats.done - done, cases[i].proofs);
        done = stats.done;
        if (opens) {
            answer(scripted.count - 1, NULL, 0, 8);
        }
        receive();
    }
}

/* Where there are accounts, at the cost of one of their hashes: here an eighth of a gigabyte, which shows in
 * the time. A cost that cannot be read is ours. */
static void
test_an_unknown_address_imitates_the_cost_of_an_account(void **state)
{
    (void)state;
    static const char *const costs[] = { "m=131072,t=1,p=1", "none", "m=8,t=1,p=1" };
    uint64_t busy_us[3];
    struct hasher_stats before, stats;
    for (int i = 0; i < 3; i++) {
        hasher_read_stats(server.hasher, &before);
        sign_in(PASSWORD);
        int calls = scripted.count;
        answer(last_call(QUERY_SESSIONS_FIND_CREDENTIALS),
               (const char *const[]){ NULL, NULL, NULL, costs[i] }, 1, 4);
        loop_fixture_wait(calls);
        assert_non_null(strstr(received, "\"invalid_credentials\""));
        assert_int_equal(last_call(QUERY_SESSIONS_REFUSE), calls);
        hasher_read_stats(server.hasher, &stats);
        assert_int_equal(stats.done, before.done + 1);
        busy_us[i] = stats.busy_us - before.busy_us;
    }
    assert_true(busy_us[0] > 5 * busy_us[2]);
}

/* A queue that is always full. */
static int
set_up_full(void **state)
{
    fixture_password_queue = 0;
    int result = set_up(state);
    fixture_password_queue = 4;
    return result;
}

static void
test_a_full_queue_is_no_failure(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * BUDGET; i++) {
        sign_in(PASSWORD);
        assert_answer(503, "Retry-After: 1\r\n");
    }
    assert_int_equal(scripted.count, 0); /* nor does it cost a query */
}

/* A sign-in that we could not check is not a guess. */
static void
test_what_was_not_checked_is_no_failure(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * BUDGET; i++) {
        sign_in(PASSWORD);
        lose(last_call(QUERY_SESSIONS_FIND_CREDENTIALS));
        assert_answer(503, "Retry-After: 1\r\n");
    }
    sign_in("wrong horse");
    answer_credentials();
    assert_non_null(strstr(received, "\"invalid_credentials\""));
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, loop_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_right_password_opens_a_session),
        TEST(test_a_wrong_password),
        TEST(test_an_unknown_address_costs_the_same_and_says_the_same),
        TEST(test_a_failure_is_recorded_behind_the_answer),
        TEST(test_forms_of_a_password),
        TEST(test_an_unknown_address_imitates_the_cost_of_an_account),
        TEST(test_what_was_not_checked_is_no_failure),
        cmocka_unit_test_setup_teardown(test_a_full_queue_is_no_failure, set_up_full, loop_fixture_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
