#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "connection_fixture.h"

#define GET          "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK           "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n"
#define TYPE         "Content-Type: text/plain\r\n\r\n"
#define WHOLE        OK TYPE "ok"
#define LAST         OK "Connection: close\r\n" TYPE "ok"
#define POST(fields) "POST /p HTTP/1.1\r\nHost: x\r\n" fields "\r\n"

/* --- one request --- */

static void
test_a_request_is_handed_over_and_answered_later(void **state)
{
    (void)state;
    fixture_send(GET);
    assert_int_equal(fixture->count, 1);
    assert_string_equal(fixture_last()->method, "GET");
    assert_string_equal(fixture_last()->path, "/a");
    assert_false(fixture_last()->has_body);
    assert_string_equal(fixture_receive(), "");
    assert_int_equal(connection_pool_busy(fixture->pool), 1);
    assert_int_equal(fixture->first->state, CONNECTION_HANDLING);
    fixture_reply();
    assert_int_equal(connection_pool_busy(fixture->pool), 0);
    assert_int_equal(fixture_last()->finishes, 0); /* not from within the call */
    assert_string_equal(fixture_receive(), WHOLE);
    assert_int_equal(fixture_last()->finishes, 1);
    assert_true(fixture_last()->sent);
    assert_int_equal(fixture->first->state, CONNECTION_IDLE);
}

static void
test_an_answer_from_within_on_head(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send(GET);
    assert_string_equal(fixture_receive(), WHOLE);
    assert_int_equal(fixture_last()->finishes, 1);
    fixture_send(GET GET);
    assert_string_equal(fixture_receive(), WHOLE WHOLE);
    assert_int_equal(fixture->count, 3);
}

static void
test_a_request_in_single_bytes(void **state)
{
    (void)state;
    static const char text[] = POST("Content-Length: 5\r\n") "hello" GET;
    fixture->want_body = fixture->reply_at_once = true;
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        fixture_send_bytes(text + i, 1);
    }
    assert_string_equal(fixture_receive(), WHOLE WHOLE);
    assert_string_equal(fixture->asked[0].body, "hello");
    assert_string_equal(fixture->asked[1].path, "/a");
}

static void
test_many_pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    char text[8192];
    size_t length = 0;
    for (int i = 0; i < 200; i++) {
        length +=
            (size_t)snprintf(text + length, sizeof(text) - length, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
    }
    fixture->reply_at_once = true;
    fixture_send_bytes(text, length);
    fixture_receive();
    assert_int_equal(fixture->count, 200);
    assert_int_equal(fixture->received_length, 200 * (sizeof(WHOLE) - 1));
    for (int i = 0; i < 200; i++) {
        char path[16];
        snprintf(path, sizeof(path), "/%d", i);
        assert_string_equal(fixture->asked[i].path, path);
        assert_int_equal(fixture->asked[i].finishes, 1);
    }
}

static void
test_the_next_request_waits_for_the_answer(void **state)
{
    (void)state;
    fixture_send(GET "GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(fixture->count, 1);
    fixture_reply();
    assert_int_equal(fixture->count, 1); /* not from within the call */
    fixture_turn();
    assert_int_equal(fixture->count, 2);
    assert_string_equal(fixture_last()->path, "/b");
    fixture_reply();
    assert_string_equal(fixture_receive(), WHOLE WHOLE);
}

static void
test_one_empty_line_before_a_request_is_skipped(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send("\r");
    fixture_send("\n" GET "\r\n" GET);
    assert_string_equal(fixture_receive(), WHOLE WHOLE);
    fixture_send("\r\n\r\n" GET);
    assert_true(fixture_last()->refused);
}

/* --- what the answer looks like --- */

static void
test_fields_and_status_lines(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture->reply.status = 405;
    fixture->reply.fields = "Allow: GET\r\nX: y\r\ncut off";
    fixture->reply.fields_length = 18;
    fixture_send(GET);
    assert_string_equal(fixture_receive(), "HTTP/1.1 405 Method Not Allowed\r\n"
                                           "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n"
                                           "Allow: GET\r\nX: y\r\n" TYPE "ok");
    fixture->reply = (struct connection_reply){ .status = 308 };
    fixture_send(GET);
    assert_string_equal(fixture_receive(),
                        "HTTP/1.1 308 Permanent Redirect\r\n"
                        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n");
}

static void
test_204_has_no_body_and_no_length(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture->reply.status = 204;
    fixture_send(GET GET);
    assert_string_equal(fixture_receive(),
                        "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
                        "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
}

static void
test_304_has_no_body(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture->reply = (struct connection_reply){ .status = 304 };
    fixture_send(GET);
    assert_string_equal(fixture_receive(),
                        "HTTP/1.1 304 Not Modified\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
}

static void
test_head_gets_the_length_and_no_body(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" GET);
    assert_string_equal(fixture_receive(), OK TYPE WHOLE);
    fixture_send("HEAD / HTTP/1.1\r\nHost: x x\r\n\r\n");
    assert_true(fixture_last()->refused);
    assert_string_equal(fixture_receive(), OK "Connection: close\r\n" TYPE);
}

static void
test_the_date_follows_the_clock(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send(GET);
    assert_string_equal(fixture_receive(), WHOLE);
    clock_freeze(clock_monotonic_us(), INT64_C(951782400) * 1000000 + 999999);
    fixture_send(GET);
    assert_non_null(strstr(fixture_receive(), "\r\nDate: Tue, 29 Feb 2000 00:00:00 GMT\r\n"));
}

static void
check_long_answer(bool is_constant)
{
    const size_t length = 1 << 20;
    char *body = malloc(length);
    assert_non_null(body);
    for (size_t i = 0; i < length; i++) {
        body[i] = (char)('a' + i % 23);
    }
    fixture_send(GET GET);
    fixture->reply.body = body;
    fixture->reply.body_length = length;
    fixture->reply.body_is_constant = is_constant;
    fixture_reply();
    if (!is_constant) {
        memset(body, 'X', length); /* it was copied */
    }
    assert_true(!is_constant || fixture->first->socket.output_length < 1024);
    fixture_turn();
    assert_int_equal(fixture_last()->finishes, 0);
    assert_int_equal(fixture->first->state, CONNECTION_SENDING);
    size_t total = 0, wrong = 0;
    const char *begin = strstr(fixture_receive(), "\r\n\r\n");
    assert_non_null(begin);
    size_t skip = (size_t)(begin + 4 - fixture->received);
    while (fixture->received_length) {
        for (size_t i = skip; i < fixture->received_length; i++) {
            wrong += fixture->received[i] != (char)('a' + total++ % 23);
        }
        skip = 0;
        fixture_receive();
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(total, length);
    assert_int_equal(fixture->count, 2); /* the second was read only now */
    assert_int_equal(fixture->asked[0].finishes, 1);
    assert_true(fixture->asked[0].sent);
    free(body);
}

static void
test_a_long_answer_arrives_whole(void **state)
{
    (void)state;
    check_long_answer(false);
}

static void
test_a_long_constant_arrives_whole_and_is_not_copied(void **state)
{
    (void)state;
    check_long_answer(true);
}

/* Of an answer behind another, the socket may take not even the head. */
static void
test_a_constant_behind_a_full_socket(void **state)
{
    (void)state;
    static const char body[] = "constant";
    char full[4096] = { 0 };
    fixture_send(GET);
    size_t filled = 0;
    for (ssize_t sent; (sent = send(fixture->first->socket.fd, full, sizeof(full), MSG_DONTWAIT)) > 0;) {
        filled += (size_t)sent;
    }
    fixture->reply.body = body;
    fixture->reply.body_length = strlen(body);
    fixture->reply.body_is_constant = true;
    fixture_reply();
    fixture_turn();
    assert_int_equal(fixture->first->socket.constant.length, strlen(body));
    assert_int_equal(fixture_last()->finishes, 0);
    size_t received = 0;
    while (received < filled) {
        ssize_t got = recv(fixture->client, full,
                           filled - received < sizeof(full) ? filled - received : sizeof(full), 0);
        assert_true(got > 0);
        received += (size_t)got;
    }
    fixture_turn();
    assert_non_null(strstr(fixture_receive(), "\r\n\r\nconstant"));
    assert_int_equal(fixture_last()->finishes, 1);
}

/* --- bodies --- */

static void
test_a_body_is_handed_over_when_whole(void **state)
{
    (void)state;
    fixture->want_body = true;
    fixture_send(POST("Content-Length: 11\r\n") "hello");
    assert_true(fixture_last()->has_body);
    assert_int_equal(fixture_last()->bodies, 0);
    assert_int_equal(fixture->first->state, CONNECTION_BODY);
    fixture_send(" world" GET);
    assert_int_equal(fixture_last()->bodies, 1);
    assert_int_equal(fixture_last()->body_code, PROBLEM_NONE);
    assert_string_equal(fixture_last()->body, "hello world");
    fixture->want_body = false;
    fixture_reply();
    fixture_turn();
    assert_string_equal(fixture_last()->path, "/a");
}

static void
test_a_body_wanted_later(void **state)
{
    (void)state;
    fixture_send(POST("Content-Length: 5\r\n") "hello");
    connection_want_body(fixture->first, 5);
    assert_int_equal(fixture_last()->bodies, 0); /* not from within the call */
    fixture_turn();
    assert_int_equal(fixture_last()->bodies, 1);
    assert_string_equal(fixture_last()->body, "hello");
}

static void
test_a_body_wanted_where_there_is_none(void **state)
{
    (void)state;
    fixture->want_body = true;
    fixture_send(GET);
    assert_int_equal(fixture_last()->bodies, 1);
    assert_int_equal(fixture_last()->body_code, PROBLEM_NONE);
    assert_int_equal(fixture_last()->body_length, 0);
}

static void
test_chunks_are_joined(void **state)
{
    (void)state;
    fixture->want_body = fixture->reply_at_once = true;
    fixture_send(
        POST("Transfer-Encoding: chunked\r\n") "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: u\r\n\r\n" GET);
    assert_string_equal(fixture_receive(), WHOLE WHOLE);
    assert_string_equal(fixture->asked[0].body, "hello world");
    assert_int_equal(fixture->asked[0].body_code, PROBLEM_NONE);
}

/* A body that is many times what the input holds, in chunks. */
static void
test_a_long_chunked_body(void **state)
{
    (void)state;
    fixture->want_body = fixture->reply_at_once = true;
    fixture->limit = 1 << 20;
    fixture_send(POST("Transfer-Encoding: chunked\r\n"));
    for (int i = 0; i < 100; i++) {
        char text[1100];
        int length = snprintf(text, sizeof(text), "400\r\n%01024d\r\n", i);
        fixture_send_bytes(text, (size_t)length);
    }
    fixture_send("0\r\n\r\n");
    assert_int_equal(fixture_last()->body_length, 102400);
    assert_string_equal(fixture_receive(), WHOLE);
}

static void
test_a_body_over_the_limit_is_told_at_once(void **state)
{
    (void)state;
    fixture->want_body = true;
    fixture_send(POST("Content-Length: 1001\r\n"));
    assert_int_equal(fixture_last()->body_code, PROBLEM_PAYLOAD_TOO_LARGE);
    fixture_reply();
    assert_string_equal(fixture_receive(), WHOLE); /* short enough to read past */
    char rest[1001 + sizeof(GET)];
    snprintf(rest, sizeof(rest), "%01001d" GET, 0);
    fixture->want_body = false;
    fixture_send(rest);
    assert_int_equal(fixture->count, 2);
    assert_string_equal(fixture_last()->path, "/a");
}

static void
test_chunks_over_the_limit(void **state)
{
    (void)state;
    fixture->want_body = fixture->reply_at_once = true;
    fixture->limit = 4;
    fixture_send(POST("Transfer-Encoding: chunked\r\n") "5\r\nhello\r\n0\r\n\r\n" GET);
    assert_int_equal(fixture->asked[0].body_code, PROBLEM_PAYLOAD_TOO_LARGE);
    assert_string_equal(fixture_receive(), WHOLE WHOLE);
}

static void
test_broken_chunks_close(void **state)
{
    (void)state;
    fixture->want_body = fixture->reply_at_once = true;
    fixture_send(POST("Transfer-Encoding: chunked\r\n") "5\nhello\r\n0\r\n\r\n" GET);
    assert_int_equal(fixture_last()->body_code, PROBLEM_BAD_REQUEST);
    assert_string_equal(fixture_receive(), LAST);
    assert_true(fixture_is_shut());
    assert_int_equal(fixture->count, 1);
}

static void
test_a_body_cut_short_by_the_client(void **state)
{
    (void)state;
    fixture->want_body = fixture->reply_at_once = true;
    fixture_send(POST("Content-Length: 11\r\n") "hello");
    shutdown(fixture->client, SHUT_WR);
    fixture_turn();
    assert_int_equal(fixture_last()->bodies, 1);
    assert_int_equal(fixture_last()->body_code, PROBLEM_BAD_REQUEST);
    assert_string_equal(fixture_receive(), LAST);
    assert_true(fixture_is_closed());
}

static void
test_an_unwanted_body_is_read_past(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send("GET /g HTTP/1.1\r\nHost: x\r\nContent-Length: 31\r\n\r\nGET /inner HTTP");
    assert_string_equal(fixture_receive(), WHOLE);
    assert_int_equal(fixture->first->state, CONNECTION_SKIPPING);
    fixture_send("/1.1\r\nHost: x\r\n\r" GET);
    assert_string_equal(fixture_receive(), WHOLE);
    assert_int_equal(fixture->count, 2);
    assert_string_equal(fixture_last()->path, "/a");
    fixture_send(POST("Transfer-Encoding: chunked\r\n") "5\r\nhello\r\n");
    fixture_send("0\r\n\r\n" GET);
    assert_string_equal(fixture_receive(), WHOLE WHOLE);
}

static void
test_a_long_unwanted_body_closes(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send(POST("Content-Length: 65537\r\n"));
    assert_string_equal(fixture_receive(), LAST);
    assert_true(fixture_is_shut());
}

static void
test_long_unwanted_chunks_close(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send(POST("Transfer-Encoding: chunked\r\n") "10001\r\n");
    assert_string_equal(fixture_receive(), WHOLE); /* not known before */
    assert_true(fixture_is_shut());
}

/* --- 100-continue --- */

static void
test_continue_is_sent_when_the_body_is_wanted(void **state)
{
    (void)state;
    fixture->want_body = fixture->reply_at_once = true;
    fixture_send(POST("Expect: 100-continue\r\nContent-Length: 5\r\n"));
    assert_string_equal(fixture_receive(), "HTTP/1.1 100 Continue\r\n\r\n");
    fixture_send("hello" GET);
    assert_string_equal(fixture_receive(), WHOLE WHOLE);
}

static void
test_continue_is_not_sent_when_the_body_is_there(void **state)
{
    (void)state;
    fixture->want_body = fixture->reply_at_once = true;
    fixture_send(POST("Expect: 100-continue\r\nContent-Length: 5\r\n") "hel");
    assert_string_equal(fixture_receive(), "");
    fixture_send("lo");
    assert_string_equal(fixture_receive(), WHOLE);
}

static void
test_continue_is_not_sent_for_a_body_too_large(void **state)
{
    (void)state;
    fixture->want_body = fixture->reply_at_once = true;
    fixture_send(POST("Expect: 100-continue\r\nContent-Length: 1001\r\n"));
    assert_int_equal(fixture_last()->body_code, PROBLEM_PAYLOAD_TOO_LARGE);
    assert_string_equal(fixture_receive(), LAST);
}

/* The client may send the body or not: its next bytes could be either. */
static void
test_a_final_answer_instead_of_continue_closes(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send(POST("Expect: 100-continue\r\nContent-Length: 5\r\n"));
    assert_string_equal(fixture_receive(), LAST);
    assert_true(fixture_is_shut());
}

static void
test_continue_without_a_body_means_nothing(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send("GET /g HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n" GET);
    assert_string_equal(fixture_receive(), WHOLE WHOLE);
}

/* --- refusals --- */

static enum problem_code
refusal_of(const char *text)
{
    fixture_send(text);
    assert_int_equal(fixture->count, 1);
    assert_true(fixture_last()->refused);
    assert_false(fixture_last()->has_body);
    enum problem_code code = fixture_last()->code;
    assert_string_equal(fixture_receive(), LAST);
    assert_true(fixture_is_shut());
    close(fixture->client);
    fixture_turn();
    assert_int_equal(connection_pool_count(fixture->pool), 0);
    fixture->client = fixture_connect();
    fixture->count = 0;
    memset(fixture->asked, 0, sizeof(fixture->asked));
    return code;
}

static void
test_refusals(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    assert_int_equal(refusal_of("GET / HTTP/1.1\r\n\r\n" GET), PROBLEM_BAD_REQUEST);
    assert_int_equal(refusal_of("GET / HTTP/1.1\nHost: x\n\n"), PROBLEM_BAD_REQUEST);
    assert_int_equal(refusal_of("\x16\x03\x01"), PROBLEM_BAD_REQUEST);
    assert_int_equal(refusal_of("GET / HTTP/2.0\r\n\r\n"), PROBLEM_VERSION_NOT_SUPPORTED);
    assert_int_equal(refusal_of(POST("Content-Length: 5\r\nContent-Length: 5\r\n") "hello"),
                     PROBLEM_BAD_REQUEST);
    assert_int_equal(refusal_of(POST("Expect: cake\r\n")), PROBLEM_EXPECTATION_FAILED);
}

/* GET, `blank` bytes in the target, and `rest`. */
static const char *
long_request(size_t blank, const char *rest)
{
    static char text[40000];
    snprintf(text, sizeof(text), "GET /%0*d%s", (int)blank, 0, rest);
    return text;
}

static void
test_heads_that_are_too_long(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    assert_int_equal(refusal_of(long_request(20000, "")), PROBLEM_URI_TOO_LONG);
    assert_int_equal(refusal_of(long_request(20000, " HTTP/1.1\r\nHost: x\r\n\r\n")), PROBLEM_URI_TOO_LONG);
    assert_int_equal(refusal_of(long_request(9000, " HTTP/1.1\r\nHost: x\r\n\r\n")), PROBLEM_URI_TOO_LONG);
    char field[20000];
    snprintf(field, sizeof(field), " HTTP/1.1\r\nHost: x\r\nA: %016384d", 0);
    assert_int_equal(refusal_of(long_request(10, field)), PROBLEM_HEADERS_TOO_LARGE);
    snprintf(field, sizeof(field), " HTTP/1.1\r\nHost: x\r\nA: %016384d\r\n\r\n", 0);
    assert_int_equal(refusal_of(long_request(10, field)), PROBLEM_HEADERS_TOO_LARGE);
}

static void
test_the_longest_head_is_taken(void **state)
{
    (void)state;
    static const char begin[] = "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nA: ";
    char text[HTTP_HEAD_MAX + 100];
    int width = HTTP_HEAD_MAX - (int)sizeof(begin) + 1 - 4;
    int length = snprintf(text, sizeof(text), "%s%0*d\r\n\r\n", begin, width, 0);
    assert_int_equal(length, HTTP_HEAD_MAX);
    strcat(text, "hello" GET);
    fixture->want_body = fixture->reply_at_once = true;
    fixture_send(text);
    assert_string_equal(fixture_receive(), WHOLE WHOLE);
    assert_string_equal(fixture->asked[0].body, "hello");
    snprintf(text, sizeof(text), "%s%0*d\r\n\r\n", begin, width + 1, 0);
    fixture_send(text);
    assert_int_equal(fixture_last()->code, PROBLEM_HEADERS_TOO_LARGE);
}

/* --- the end of a connection --- */

static void
test_close_as_the_client_asks(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_string_equal(fixture_receive(), LAST);
    assert_true(fixture_is_closed()); /* nothing more is expected, so nobody waits */
}

static void
test_close_as_the_owner_asks(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture->reply.close = true;
    fixture_send(GET GET);
    assert_string_equal(fixture_receive(), LAST);
    assert_true(fixture_is_shut());
    assert_int_equal(fixture->count, 1);
    assert_int_equal(fixture->first->state, CONNECTION_LINGERING);
}

static void
test_http_1_0_stays_open_only_when_asked(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send("GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
    assert_string_equal(fixture_receive(), OK "Connection: keep-alive\r\n" TYPE "ok");
    fixture_send("GET / HTTP/1.0\r\nHost: x\r\n\r\n");
    assert_string_equal(fixture_receive(), LAST);
    assert_true(fixture_is_closed());
}

static void
test_a_client_that_half_closes_is_answered(void **state)
{
    (void)state;
    fixture_send(GET GET);
    shutdown(fixture->client, SHUT_WR);
    fixture_turn();
    assert_false(fixture->first->socket.gone);
    fixture_reply();
    fixture_turn();
    fixture_reply();
    assert_string_equal(fixture_receive(), WHOLE WHOLE);
    assert_true(fixture_is_closed());
}

static void
test_a_client_that_leaves_is_forgotten(void **state)
{
    (void)state;
    static const char *const begins[] = { "", "GET", "\r", "\r\n" };
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        if (begins[i][0]) {
            fixture_send(begins[i]);
        }
        close(fixture->client);
        fixture_turn();
        assert_int_equal(connection_pool_count(fixture->pool), 0);
        assert_int_equal(fixture->count, 0);
        fixture->client = fixture_connect();
    }
}

static void
test_a_client_that_leaves_during_its_request(void **state)
{
    (void)state;
    fixture_send(GET GET);
    close(fixture->client);
    fixture->client = -1;
    fixture_turn();
    assert_int_equal(fixture_last()->finishes, 0);
    assert_int_equal(connection_pool_busy(fixture->pool), 1);
    fixture_reply();
    fixture_turn();
    assert_int_equal(fixture_last()->finishes, 1);
    assert_false(fixture_last()->sent);
    assert_int_equal(fixture->count, 1);
    assert_int_equal(connection_pool_count(fixture->pool), 0);
}

/* Sends requests for as long as they are taken. */
static void
flood(void)
{
    while (send(fixture->client, GET, sizeof(GET) - 1, MSG_NOSIGNAL) > 0) {
        fixture_turn();
    }
}

static void
test_requests_that_are_not_answered_yet_fill_no_memory(void **state)
{
    (void)state;
    flood();
    assert_int_equal(fixture->count, 1);
    assert_in_range(fixture->first->input->capacity, 1, 64 * 1024);
    assert_true(fixture->first->socket.paused);
    fixture_reply();
    fixture_turn();
    fixture_reply();
    fixture_turn();
    assert_int_equal(fixture->count, 3);
}

/* All that is there belongs to what was refused, so nothing makes room before the answer has left. */
static void
test_a_refused_request_that_fills_the_input_is_not_read_on(void **state)
{
    (void)state;
    char text[CONNECTION_INPUT_MAX + 1000];
    memset(text, 'a', sizeof(text));
    memcpy(text, "GET /\n", 6);
    fixture_send_bytes(text, sizeof(text));
    assert_true(fixture_last()->refused);
    assert_int_equal(fixture->first->input->filled, fixture->first->input->capacity);
    assert_true(fixture->first->socket.paused);
    fixture_reply();
    assert_string_equal(fixture_receive(), LAST);
    assert_true(fixture_is_shut());
    close(fixture->client);
    fixture->client = -1;
    fixture_turn();
    assert_int_equal(connection_pool_count(fixture->pool), 0);
}

static void
test_answers_that_are_not_read_fill_no_memory(void **state)
{
    (void)state;
    static char body[60000];
    fixture->reply_at_once = true;
    fixture->reply.body = body;
    fixture->reply.body_length = sizeof(body);
    flood();
    assert_in_range(fixture->count, 1, 50);
    assert_in_range(fixture->first->socket.output_length, 1, 64 * 1024);
    assert_true(fixture->first->socket.paused);
    int before = fixture->count;
    do {
        fixture_receive();
    } while (fixture->count < REQUESTS_MAX - 50 && fixture->received_length);
    assert_true(fixture->count > before + 5);
}

/* --- streams --- */

static void
note_stream_end(void *stream)
{
    *(bool *)stream = true;
}

static char
stream_byte(size_t at)
{
    return (char)(at * 31 + (at >> 8));
}

/* Takes what the socket holds, which must be what follows the first `received` bytes. */
static size_t
take_some_of_stream(size_t received)
{
    char bytes[4096];
    ssize_t count = recv(fixture->client, bytes, sizeof(bytes), 0);
    for (ssize_t i = 0; i < count; i++) {
        assert_int_equal(bytes[i], stream_byte(received + (size_t)i));
    }
    return count > 0 ? (size_t)count : 0;
}

/* Always a little behind, its client never lets the output become empty: what it has taken must go then. */
static void
test_a_stream_that_stays_behind_does_not_keep_what_was_sent(void **state)
{
    (void)state;
    bool is_ended = false;
    const struct connection_socket *socket = &fixture->first->socket;
    size_t sent = 0, received = 0, waits = 0, most = 4 << 20;
    int room = 4096; /* less than waits: no turn sends everything */
    fixture->reply = (struct connection_reply){ .status = 200,
                                                .content_type = "text/event-stream",
                                                .on_stream_end = note_stream_end,
                                                .stream = &is_ended };
    fixture_send(GET);
    fixture_reply();
    fixture_receive();
    assert_int_equal(setsockopt(socket->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
    while (received < most) {
        char part[4096];
        if (waits < CONNECTION_STREAM_MAX / 2) {
            for (size_t i = 0; i < sizeof(part); i++) {
                part[i] = stream_byte(sent + i);
            }
            connection_stream_send(fixture->first, part, sizeof(part));
            sent += sizeof(part);
        } else {
            received += take_some_of_stream(received);
            event_base_loop(fixture->base, EVLOOP_NONBLOCK);
        }
        waits = socket->output ? socket->output_length - socket->output_sent : 0;
        assert_true(received == 0 || socket->output);
        assert_in_range(socket->output_length, 0, CONNECTION_STREAM_MAX);
        assert_false(is_ended);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_is_handed_over_and_answered_later),
        TEST(test_an_answer_from_within_on_head),
        TEST(test_a_request_in_single_bytes),
        TEST(test_many_pipelined_requests_are_answered_in_order),
        TEST(test_the_next_request_waits_for_the_answer),
        TEST(test_one_empty_line_before_a_request_is_skipped),
        TEST(test_fields_and_status_lines),
        TEST(test_204_has_no_body_and_no_length),
        TEST(test_304_has_no_body),
        TEST(test_head_gets_the_length_and_no_body),
        TEST(test_the_date_follows_the_clock),
        TEST(test_a_long_answer_arrives_whole),
        TEST(test_a_long_constant_arrives_whole_and_is_not_copied),
        TEST(test_a_constant_behind_a_full_socket),
        TEST(test_a_body_is_handed_over_when_whole),
        TEST(test_a_body_wanted_later),
        TEST(test_a_body_wanted_where_there_is_none),
        TEST(test_chunks_are_joined),
        TEST(test_a_long_chunked_body),
        TEST(test_a_body_over_the_limit_is_told_at_once),
        TEST(test_chunks_over_the_limit),
        TEST(test_broken_chunks_close),
        TEST(test_a_body_cut_short_by_the_client),
        TEST(test_an_unwanted_body_is_read_past),
        TEST(test_a_long_unwanted_body_closes),
        TEST(test_long_unwanted_chunks_close),
        TEST(test_continue_is_sent_when_the_body_is_wanted),
        TEST(test_continue_is_not_sent_when_the_body_is_there),
        TEST(test_continue_is_not_sent_for_a_body_too_large),
        TEST(test_a_final_answer_instead_of_continue_closes),
        TEST(test_continue_without_a_body_means_nothing),
        TEST(test_refusals),
        TEST(test_heads_that_are_too_long),
        TEST(test_the_longest_head_is_taken),
        TEST(test_close_as_the_client_asks),
        TEST(test_close_as_the_owner_asks),
        TEST(test_http_1_0_stays_open_only_when_asked),
        TEST(test_a_client_that_half_closes_is_answered),
        TEST(test_a_client_that_leaves_is_forgotten),
        TEST(test_a_client_that_leaves_during_its_request),
        TEST(test_requests_that_are_not_answered_yet_fill_no_memory),
        TEST(test_a_refused_request_that_fills_the_input_is_not_read_on),
        TEST(test_answers_that_are_not_read_fill_no_memory),
        TEST(test_a_stream_that_stays_behind_does_not_keep_what_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
