#include "common/clock.h"
#include "server/http/connection_private.h"
#include "server/request/request.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "loop_fixture.h"

#define COOKIE    "Cookie: testkase_session=abc\r\n"
#define OUR_PAGE  COOKIE "Sec-Fetch-Site: same-origin\r\n"
#define JSON_TYPE "Content-Type: application/json\r\n"

static void
assert_id_is_kept(const char *id, bool kept)
{
    char field[512], line[512];
    snprintf(field, sizeof(field), "X-Request-Id: %s\r\n", id);
    snprintf(line, sizeof(line), "\r\nX-Request-Id: %s\r\n", id);
    send_request("GET /healthz", field);
    assert_answer(200, "\r\nX-Request-Id: ");
    assert_int_equal(strstr(received, line) != NULL, kept);
}

static void
test_a_request_id_is_kept_when_it_is_one(void **state)
{
    (void)state;
    char longest[65], longer[66];
    memset(longest, 'a', 64);
    memset(longer, 'a', 65);
    longest[64] = longer[65] = '\0';
    assert_id_is_kept("build-17.2_x", true);
    assert_id_is_kept(longest, true);
    assert_id_is_kept(longer, false);
    assert_id_is_kept("a b", false);
    assert_id_is_kept("a\"b", false);
    assert_id_is_kept("tk_pat_a1b2c3d4", false); /* it would stand in the log */
}

static void
test_no_two_requests_share_an_id(void **state)
{
    (void)state;
    char first[64];
    send_request("GET /healthz", "");
    receive();
    snprintf(first, sizeof(first), "%.36s", strstr(received, "\r\nX-Request-Id: "));
    send_request("GET /healthz", "");
    assert_answer(200, "");
    assert_null(strstr(received, first));
}

static void
test_every_answer_has_the_common_fields(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int status;
    } requests[] = { { "GET /healthz", 200 },
                     { "GET /nowhere", 404 },
                     { "PUT /healthz", 405 },
                     { "GET /api/v1/session", 401 },
                     { "GET /%zz", 400 } };
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        send_request(requests[i].line, "");
        assert_answer(requests[i].status, "\r\nX-Content-Type-Options: nosniff\r\n");
        assert_non_null(strstr(received, "\r\nCache-Control: no-store\r\n"));
        assert_null(strstr(received, "Strict-Transport-Security"));
    }
    close(client); /* the last of them was the end of the connection */
    client = loop_fixture_connect();
    server.secure = true;
    send_request("GET /healthz", "");
    assert_answer(200, "\r\nStrict-Transport-Security: max-age=31536000\r\n");
}

static void
test_a_wrong_method_is_told_the_right_ones(void **state)
{
    (void)state;
    send_request("PATCH /api/v1/api-keys/7", "");
    assert_answer(405, "\r\nAllow: GET, HEAD, DELETE\r\n");
    send_request("BREW /api/v1/api-keys", "");
    assert_answer(405, "\r\nAllow: GET, HEAD, POST, DELETE\r\n");
    assert_int_equal(scripted.count, 0);
}

static void
test_head_has_no_body(void **state)
{
    (void)state;
    send_request("HEAD /healthz", "");
    const char *answer = receive();
    assert_non_null(strstr(answer, "HTTP/1.1 200 "));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void
test_a_body_that_is_not_json(void **state)
{
    (void)state;
    static const struct {
        const char *fields, *body;
        int status;
        const char *code;
    } bodies[] = {
        { "", "", 400, "\"bad_request\"" },
        { JSON_TYPE "Content-Length: 0\r\n", "", 400, "\"bad_request\"" },
        { "Content-Length: 2\r\n", "{}", 415, "\"unsupported_media_type\"" },
        { "Content-Type: text/plain\r\nContent-Length: 2\r\n", "{}", 415, "\"unsupported_media_type\"" },
        { JSON_TYPE "Content-Length: 2\r\n", "{,", 400, "\"malformed_json\"" },
        { JSON_TYPE "Content-Length: 2\r\n", "[]", 422, "\"validation_failed\"" },
        { JSON_TYPE "Content-Length: 4\r\n", "null", 422, "\"validation_failed\"" },
        { JSON_TYPE "Content-Length: 1048577\r\n", "", 413, "\"payload_too_large\"" },
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        char fields[256];
        snprintf(fields, sizeof(fields), OUR_PAGE "%s", bodies[i].fields);
        send_request("POST /api/v1/api-keys", fields);
        answer_session("member");
        send_text(bodies[i].body);
        assert_answer(bodies[i].status, bodies[i].code);
        assert_int_equal(scripted.count, (int)i + 1); /* nothing was done */
        close(client);
        client = loop_fixture_connect();
    }
}

static void
test_a_body_may_come_later_in_chunks(void **state)
{
    (void)state;
    send_request("POST /api/v1/api-keys", OUR_PAGE JSON_TYPE "Transfer-Encoding: chunked\r\n");
    answer_session("member");
    send_text("1\r\n{\r\n");
    assert_string_equal(receive(), "");
    send_text("1\r\n}\r\n0\r\n\r\n");
    answer_session("member"); /* asked again, now that the body is here */
    assert_answer(422, "\"name\"");
}

static void
test_a_session_that_ends_before_its_body_is_here(void **state)
{
    (void)state;
    send_request("POST /api/v1/api-keys", OUR_PAGE JSON_TYPE "Content-Length: 2\r\n");
    answer_session("member");
    send_text("{}");
    answer(last_call(QUERY_SESSIONS_FIND), NULL, 0, 8);
    assert_answer(401, "The session is over");
}

/* A caller without the right is refused before anything of the body is read. */
static void
test_who_may_not_need_not_send_a_body(void **state)
{
    (void)state;
    send_request("POST /api/v1/users", OUR_PAGE JSON_TYPE "Content-Length: 100\r\nExpect: 100-continue\r\n");
    answer_session("member");
    assert_answer(403, "\"forbidden\"");
}

static void
test_a_client_that_leaves_is_forgotten_when_its_query_ends(void **state)
{
    (void)state;
    send_request("GET /api/v1/session", COOKIE);
    close(client);
    client = -1;
    loop_fixture_turn();
    answer_session("member");
    loop_fixture_turn();
    assert_int_equal(connection_pool_count(loop.pool), 0);
}

static void
test_a_loop_that_ends_leaves_nothing_behind(void **state)
{
    (void)state;
    send_request("GET /api/v1/session", COOKIE);
    last_call(QUERY_SESSIONS_FIND); /* tear_down() loses it; the sanitizers see what would leak */
}

static void
test_what_failed_in_postgresql(void **state)
{
    (void)state;
    static const struct {
        const char *sqlstate;
        int status;
    } failures[] = {
        { "57014", 503 }, { "40001", 503 }, { "40P01", 503 }, { "53300", 503 }, { "55P03", 503 },
        { "08006", 503 }, { "58030", 503 }, { "42P01", 500 }, { "22P02", 500 }, { "23505", 500 }
    };
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        send_request("GET /api/v1/session", COOKIE);
        refuse(last_call(QUERY_SESSIONS_FIND), failures[i].sqlstate);
        assert_answer(failures[i].status, failures[i].status == 503 ? "Retry-After: 1\r\n" : "\"internal\"");
        assert_null(strstr(received, "refused")); /* PostgreSQL's words are for the log */
    }
}

static void
test_reads_and_writes_go_to_their_own_connections(void **state)
{
    (void)state;
    send_request("DELETE /api/v1/session", OUR_PAGE);
    int find = last_call(QUERY_SESSIONS_FIND);
    answer_session("member");
    int end = last_call(QUERY_SESSIONS_DELETE);
    for (int i = 0; i < HANDLERS_READERS; i++) {
        assert_ptr_not_equal(scripted.calls[find].db, scripted.connections[FIRST_HANDLER + i]);
        assert_ptr_not_equal(scripted.calls[end].db, scripted.connections[FIRST_HANDLER + i]);
    }
    answer(end, (const char *const[]){ "5" }, 1, 1);
    assert_answer(204, "");
    send_request("GET /api/v1/api-keys", COOKIE);
    answer_session("member");
    assert_ptr_equal(scripted.calls[last_call(QUERY_API_KEYS_LIST)].db, scripted.connections[FIRST_HANDLER]);
}

static void
test_pipelined_requests_are_answered_in_turn(void **state)
{
    (void)state;
    send_text("GET /api/v1/session HTTP/1.1\r\nHost: a\r\n" COOKIE "\r\n"
              "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(receive(), "");
    answer(last_call(QUERY_SESSIONS_FIND), NULL, 0, 8);
    assert_answer(401, "HTTP/1.1 200 ");
}

static void
test_what_took_too_long_is_given_up(void **state)
{
    (void)state;
    send_request("GET /api/v1/session", COOKIE);
    clock_freeze(clock_monotonic_us() + INT64_C(60) * 1000000, clock_wall_us());
    connection_pool_sweep(loop.pool);
    assert_answer(503, "Retry-After: 1\r\n");
    answer_session("member"); /* too late: nobody is told, and it is freed now */
    assert_string_equal(receive(), "");
    clock_release();
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, loop_fixture_set_up, loop_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_id_is_kept_when_it_is_one),
        TEST(test_no_two_requests_share_an_id),
        TEST(test_every_answer_has_the_common_fields),
        TEST(test_a_wrong_method_is_told_the_right_ones),
        TEST(test_head_has_no_body),
        TEST(test_a_body_that_is_not_json),
        TEST(test_a_body_may_come_later_in_chunks),
        TEST(test_a_session_that_ends_before_its_body_is_here),
        TEST(test_who_may_not_need_not_send_a_body),
        TEST(test_a_client_that_leaves_is_forgotten_when_its_query_ends),
        TEST(test_a_loop_that_ends_leaves_nothing_behind),
        TEST(test_what_failed_in_postgresql),
        TEST(test_reads_and_writes_go_to_their_own_connections),
        TEST(test_pipelined_requests_are_answered_in_turn),
        TEST(test_what_took_too_long_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
