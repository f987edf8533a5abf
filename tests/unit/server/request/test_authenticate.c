#include "common/clock.h"
#include "server/request/authenticate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "loop_fixture.h"

#define VERIFY   "GET /api/v1/auth/verify"
#define LATER    "2000"
#define GUESSES  10 /* of one address at one token */
#define NO_FIELD ""

static char token[TOKEN_LENGTH + 1], hash[SECRET_HASH_SIZE], bearer[128];

static void
bear(const char *presented)
{
    snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s\r\n", presented);
}

static int
set_up(void **state)
{
    clock_freeze(clock_monotonic_us(), clock_wall_us()); /* or usage is written after a second */
    loop_fixture_set_up(state);
    token_make(token);
    token_preview(token, preview);
    assert_int_equal(secret_hash(token, TOKEN_LENGTH, &server.cost, hash), 0);
    bear(token);
    return 0;
}

static int
tear_down(void **state)
{
    int result = loop_fixture_tear_down(state);
    clock_release();
    return result;
}

/* Another token of the same look-up id. */
static void
make_guess(char ret_guess[TOKEN_LENGTH + 1])
{
    const size_t prefix = strlen(TOKEN_PREFIX) + TOKEN_LOOKUP_LENGTH, body = TOKEN_LENGTH - 6;
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char lookup[TOKEN_LOOKUP_LENGTH + 1];
    token_make(ret_guess);
    memcpy(ret_guess, token, prefix);
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < body; i++) {
        crc ^= (unsigned char)ret_guess[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
    }
    crc = ~crc;
    for (size_t i = 0; i < 6; i++, crc /= 62) {
        ret_guess[TOKEN_LENGTH - 1 - i] = digits[crc % 62];
    }
    assert_true(token_parse(ret_guess, TOKEN_LENGTH, lookup));
}

static void
answer_hash(const char *stored)
{
    int call = last_call(QUERY_GATE_FIND_HASH);
    assert_memory_equal(scripted.calls[call].values[0].bytes, token + strlen(TOKEN_PREFIX),
                        TOKEN_LOOKUP_LENGTH);
    answer(call, (const char *const[]){ TOKEN_ID, stored }, 1, 2);
}

/* Sends the token for the first time, up to the question whether it lives. */
static void
prove(const char *line)
{
    send_request(line, bearer);
    int calls = scripted.count;
    answer_hash(hash);
    assert_string_equal(loop_fixture_wait(calls), "");
    last_call(QUERY_GATE_EPOCH);
}

static void
test_without_credentials_the_challenge_is_bare(void **state)
{
    (void)state;
    send_request(VERIFY, NO_FIELD);
    assert_answer(401, "WWW-Authenticate: Bearer realm=\"testkase\"\r\n");
    send_request(VERIFY, "Authorization: Basic dTpw\r\nCookie: other=1\r\n");
    assert_answer(401, "\"authentication_required\"");
    assert_int_equal(scripted.count, 0);
}

static void
test_what_is_no_token_costs_no_query(void **state)
{
    (void)state;
    static const char *const others[] = { "", "tk_pat_", "x", "tk_pat_a1b2c3d4" };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        bear(others[i]);
        send_request(VERIFY, bearer);
        assert_answer(401, "error=\"invalid_token\"");
    }
    token[TOKEN_LENGTH - 1] = token[TOKEN_LENGTH - 1] == 'A' ? 'B' : 'A'; /* the checksum */
    bear(token);
    send_request(VERIFY, bearer);
    assert_answer(401, "\"invalid_token\"");
    assert_int_equal(scripted.count, 0);
}

static void
test_a_token_is_proven_once_and_asked_for_always(void **state)
{
    (void)state;
    prove(VERIFY);
    answer_epoch();
    answer_state("f", LATER, "member");
    assert_answer(200, "X-Testkase-Api-Key-Id: 7\r\n");
    int calls = scripted.count;
    send_request(VERIFY, bearer);
    assert_int_equal(scripted.count, calls + 1);
    assert_string_equal(receive(), "");
    answer_epoch();
    assert_answer(200, "X-Testkase-User-Email: ada@example.test\r\n");
    assert_int_equal(scripted.count, calls + 1);
}

/* After a restore, or a failover that lost the last commits, the id of one token may be given to another. */
static void
test_a_remembered_token_is_not_taken_for_another_of_its_id(void **state)
{
    (void)state;
    prove(VERIFY);
    answer_epoch();
    answer_state("f", LATER, "member");
    assert_answer(200, "X-Testkase-Api-Key-Id: 7\r\n");
    static const char *const later[] = { LATER, "0" };
    for (size_t i = 0; i < 2; i++) {
        struct db *connection = scripted.connections[0];
        connection->options.on_state(connection, true, connection->options.argument);
        send_request(VERIFY, bearer);
        answer_epoch();
        preview[strlen(TOKEN_PREFIX)] = token[strlen(TOKEN_PREFIX)] == '0' ? '1' : '0';
        answer_state("f", later[i], "admin");
        const char *answer = receive();
        assert_non_null(strstr(answer, "HTTP/1.1 401 "));
        assert_non_null(strstr(answer, "\"invalid_token\""));
        assert_null(strstr(answer, "X-Token-Expires-At"));
        assert_null(strstr(answer, "RateLimit"));
    }
}

static void
test_a_wrong_secret_is_remembered(void **state)
{
    (void)state;
    char guess[TOKEN_LENGTH + 1];
    make_guess(guess);
    bear(guess);
    send_request(VERIFY, bearer);
    answer_hash(hash);
    loop_fixture_wait(scripted.count);
    assert_non_null(strstr(received, "HTTP/1.1 401 "));
    int calls = scripted.count;
    send_request(VERIFY, bearer);
    assert_answer(401, "\"invalid_token\"");
    assert_int_equal(scripted.count, calls);
}

static void
test_guessing_is_slowed_and_the_owner_is_not(void **state)
{
    (void)state;
    char guess[TOKEN_LENGTH + 1];
    prove(VERIFY);
    answer_epoch();
    answer_state("f", LATER, "member");
    assert_answer(200, "");
    for (int i = 0; i <= GUESSES; i++) {
        make_guess(guess);
        bear(guess);
        send_request(VERIFY, bearer);
        answer_hash(hash);
        loop_fixture_wait(scripted.count);
        assert_non_null(strstr(received, i < GUESSES ? "HTTP/1.1 401 " : "HTTP/1.1 429 "));
    }
    assert_non_null(strstr(received, "\r\nRetry-After: "));
    bear(token);
    send_request(VERIFY, bearer);
    answer_epoch();
    assert_answer(200, "");
}

static void
test_an_unknown_or_erased_hash_is_a_wrong_token(void **state)
{
    (void)state;
    send_request(VERIFY, bearer);
    answer(last_call(QUERY_GATE_FIND_HASH), NULL, 0, 2);
    assert_answer(401, "\"invalid_token\"");
    send_request(VERIFY, bearer);
    answer_hash(NULL);
    assert_answer(401, "\"invalid_token\"");
}

static void
test_a_hash_that_cannot_be_read_lets_nobody_in(void **state)
{
    (void)state;
    send_request(VERIFY, bearer);
    answer_hash("$argon2id$v=19$nonsense");
    loop_fixture_wait(scripted.count);
    assert_non_null(strstr(received, "HTTP/1.1 500 "));
}

static void
test_what_postgresql_says_of_the_token_counts(void **state)
{
    (void)state;
    prove(VERIFY);
    answer_epoch();
    answer_state("t", LATER, "member");
    assert_answer(401, "\"invalid_token\"");
    send_request(VERIFY, bearer);
    answer_epoch(); /* remembered under this epoch, also that it has ended */
    assert_answer(401, "\"invalid_token\"");
}

static void
test_an_expired_token_is_told_so(void **state)
{
    (void)state;
    prove(VERIFY);
    answer_epoch();
    answer_state("f", NOW, "member");
    assert_answer(401, "The token expired at 2026-12-01T00:00:00Z;");
}

static void
test_without_postgresql_nobody_gets_in(void **state)
{
    (void)state;
    send_request(VERIFY, bearer);
    lose(last_call(QUERY_GATE_FIND_HASH));
    assert_answer(503, "Retry-After: 1\r\n");
    prove(VERIFY);
    lose(last_call(QUERY_GATE_EPOCH));
    assert_answer(503, "Retry-After: 1\r\n");
    send_request(VERIFY, "Cookie: testkase_session=abc\r\n");
    lose(last_call(QUERY_SESSIONS_FIND));
    assert_answer(503, "Retry-After: 1\r\n");
}

static void
test_a_session(void **state)
{
    (void)state;
    send_request(VERIFY, "Cookie: testkase_session=abc\r\n");
    int call = last_call(QUERY_SESSIONS_FIND);
    unsigned char digest[SECRET_DIGEST_SIZE];
    secret_digest("abc", 3, NULL, digest);
    assert_int_equal(scripted.calls[call].values[0].length, sizeof(digest));
    assert_memory_equal(scripted.calls[call].values[0].bytes, digest, sizeof(digest));
    answer_session("member");
    assert_answer(200, "X-Testkase-User-Id: 3\r\n");
    assert_null(strstr(received, "X-Testkase-Api-Key-Id"));
    send_request(VERIFY, "Cookie: testkase_session=abc\r\n");
    answer(last_call(QUERY_SESSIONS_FIND), NULL, 0, 8);
    assert_answer(401, "The session is over; sign in again.");
}

static void
test_a_bad_token_hides_the_cookie(void **state)
{
    (void)state;
    send_request(VERIFY, "Authorization: Bearer nonsense\r\nCookie: testkase_session=abc\r\n");
    assert_answer(401, "\"invalid_token\"");
    assert_int_equal(scripted.count, 0);
}

static void
test_only_our_own_pages_may_act_with_a_cookie(void **state)
{
    (void)state;
#define COOKIE "Cookie: testkase_session=abc\r\n"
    static const char *const others[] = {
        COOKIE, /* it is no browser, or an old one */
        COOKIE "Origin: https://evil.example.test\r\n",
        COOKIE "Origin: https://keys.example.test\r\n", /* the scheme */
        COOKIE "Origin: http://keys.example.test.evil.example\r\n",
        COOKIE "Origin: null\r\n",
        COOKIE "Sec-Fetch-Site: cross-site\r\n",
        COOKIE "Sec-Fetch-Site: same-site\r\nOrigin: http://keys.example.test\r\n",
        COOKIE "Sec-Fetch-Site: none\r\n",
    };
    static const char *const ours[] = {
        COOKIE "Origin: http://keys.example.test\r\n",
        COOKIE "Sec-Fetch-Site: same-origin\r\n",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        send_request("DELETE /api/v1/session", others[i]);
        assert_answer(403, "\"cross_site\"");
    }
    assert_int_equal(scripted.count, 0);
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        send_request("DELETE /api/v1/session", ours[i]);
        answer(last_call(QUERY_SESSIONS_FIND), NULL, 0, 8);
        assert_answer(401, "");
    }
    send_request("GET /api/v1/session", COOKIE "Sec-Fetch-Site: cross-site\r\n"); /* changes nothing */
    answer_session("member");
    assert_answer(200, "");
}

static void
test_a_token_may_act_from_anywhere(void **state)
{
    (void)state;
    prove("DELETE /api/v1/api-keys/9");
    answer_epoch();
    answer_state("f", LATER, "member");
    last_call(QUERY_API_KEYS_REVOKE);
}

static void
test_a_sign_in_from_another_site_is_refused(void **state)
{
    (void)state;
    send_request("POST /api/v1/session", "Origin: https://evil.example.test\r\nContent-Length: 0\r\n");
    assert_answer(403, "\"cross_site\"");
    send_request("POST /api/v1/session", "Content-Length: 0\r\n"); /* no browser: nothing to forge */
    assert_answer(400, "");
}

static void
test_what_is_for_admins(void **state)
{
    (void)state;
    static const struct {
        const char *role;
        bool may;
    } roles[] = { { "guest", false }, { "member", false }, { "admin", true }, { "owner", true } };
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        send_request("GET /api/v1/users", COOKIE);
        answer_session(roles[i].role);
        if (roles[i].may) {
            answer(last_call(QUERY_USERS_LIST), NULL, 0, 1);
            assert_answer(200, "\"data\":[]");
        } else {
            assert_answer(403, "\"forbidden\"");
        }
    }
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_without_credentials_the_challenge_is_bare),
        TEST(test_what_is_no_token_costs_no_query),
        TEST(test_a_token_is_proven_once_and_asked_for_always),
        TEST(test_a_remembered_token_is_not_taken_for_another_of_its_id),
        TEST(test_a_wrong_secret_is_remembered),
        TEST(test_guessing_is_slowed_and_the_owner_is_not),
        TEST(test_an_unknown_or_erased_hash_is_a_wrong_token),
        TEST(test_a_hash_that_cannot_be_read_lets_nobody_in),
        TEST(test_what_postgresql_says_of_the_token_counts),
        TEST(test_an_expired_token_is_told_so),
        TEST(test_without_postgresql_nobody_gets_in),
        TEST(test_a_session),
        TEST(test_a_bad_token_hides_the_cookie),
        TEST(test_only_our_own_pages_may_act_with_a_cookie),
        TEST(test_a_token_may_act_from_anywhere),
        TEST(test_a_sign_in_from_another_site_is_refused),
        TEST(test_what_is_for_admins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
