#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/head.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A block of its own on the heap, so that a read past its end is seen. */
static char *
block_of(const char *text, size_t length)
{
    char *block = malloc(length);
    assert_non_null(block);
    memcpy(block, text, length);
    return block;
}

static struct http_head head; /* of the last request that was accepted */
static char *block;

static int
forget(void **state)
{
    (void)state;
    free(block);
    block = NULL;
    return 0;
}

/* PROBLEM_NONE when the request is accepted. */
static enum problem_code
parse(const char *text, size_t length)
{
    enum problem_code code = PROBLEM_NONE;
    const char *detail = NULL;
    free(block);
    block = block_of(text, length);
    int result = http_head_parse(block, length, &head, &code, &detail);
    assert_int_equal(result, code == PROBLEM_NONE ? 0 : -1);
    assert_int_equal(code == PROBLEM_NONE, detail == NULL);
    return code;
}

#define PARSE(text) parse(text, sizeof(text) - 1)

static void
assert_slice(struct http_slice slice, const char *expected)
{
    assert_int_equal(slice.bytes == NULL, expected == NULL);
    if (expected) {
        assert_int_equal(slice.length, strlen(expected));
        assert_memory_equal(slice.bytes, expected, slice.length);
    }
}

static void
test_a_whole_request(void **state)
{
    (void)state;
    assert_int_equal(PARSE("POST /api/v1/api-keys?limit=5&x=%2f HTTP/1.1\r\n"
                           "Host: tk.example.org:8443\r\n"
                           "AUTHORIZATION:Bearer abc\r\n"
                           "Cookie: \t a=b; c=d \t\r\n"
                           "content-type: application/json\r\n"
                           "Origin: https://tk.example.org\r\n"
                           "Sec-Fetch-Site: same-origin\r\n"
                           "User-Agent: test \xc3\xa9\r\n"
                           "X-Request-Id: r-1\r\n"
                           "Content-Length: 42\r\n"
                           "Expect: 100-Continue\r\n"
                           "X-Empty:\r\n"
                           "\r\n"),
                     PROBLEM_NONE);
    assert_int_equal(head.method, HTTP_POST);
    assert_slice(head.method_text, "POST");
    assert_slice(head.path, "/api/v1/api-keys");
    assert_slice(head.query, "limit=5&x=%2f");
    assert_int_equal(head.minor_version, 1);
    assert_true(head.keep_alive);
    assert_true(head.expects_continue);
    assert_false(head.chunked);
    assert_int_equal(head.content_length, 42);
    assert_slice(head.host, "tk.example.org:8443");
    assert_slice(head.authorization, "Bearer abc");
    assert_slice(head.cookie, "a=b; c=d");
    assert_slice(head.content_type, "application/json");
    assert_slice(head.origin, "https://tk.example.org");
    assert_slice(head.sec_fetch_site, "same-origin");
    assert_slice(head.user_agent, "test \xc3\xa9");
    assert_slice(head.request_id, "r-1");
    assert_int_equal(head.field_count, 11);
    assert_slice(head.fields[1].name, "AUTHORIZATION");
    assert_slice(http_head_field(&head, "x-empty"), "");
    assert_slice(http_head_field(&head, "x-absent"), NULL);
}

static void
test_the_least_request(void **state)
{
    (void)state;
    assert_int_equal(PARSE("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), PROBLEM_NONE);
    assert_slice(head.path, "/");
    assert_slice(head.query, NULL);
    assert_slice(head.authorization, NULL);
    assert_int_equal(head.content_length, -1);
    assert_false(head.chunked);
    assert_false(head.expects_continue);
    assert_int_equal(PARSE("GET /? HTTP/1.1\r\nHost: x\r\n\r\n"), PROBLEM_NONE);
    assert_slice(head.query, "");
}

static void
test_methods(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {
        { "GET", HTTP_GET },         { "HEAD", HTTP_HEAD },   { "POST", HTTP_POST },
        { "PUT", HTTP_PUT },         { "PATCH", HTTP_PATCH }, { "DELETE", HTTP_DELETE },
        { "OPTIONS", HTTP_OPTIONS }, { "TRACE", HTTP_OTHER }, { "get", HTTP_OTHER },
        { "GETS", HTTP_OTHER },      { "GE", HTTP_OTHER },    { "!#$%&'*+-.^_`|~9Z", HTTP_OTHER },
    };
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        char text[80];
        int length = snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: x\r\n\r\n", methods[i].name);
        assert_int_equal(parse(text, (size_t)length), PROBLEM_NONE);
        assert_int_equal(head.method, methods[i].method);
        assert_slice(head.method_text, methods[i].name);
    }
}

struct line {
    const char *line;
    enum problem_code code;
};

/* Puts each line into a request that is good but for it. */
static void
assert_lines(const char *before, const char *after, const struct line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[512];
        int length = snprintf(text, sizeof(text), "%s%s%s", before, lines[i].line, after);
        enum problem_code code = parse(text, (size_t)length);
        if (code != lines[i].code) {
            fail_msg("%s: problem %d, not %d", lines[i].line, (int)code, (int)lines[i].code);
        }
    }
}

#define ASSERT_LINES(before, after, lines)                                                                   \
    assert_lines(before, after, lines, sizeof(lines) / sizeof((lines)[0]))
#define GOOD PROBLEM_NONE
#define BAD  PROBLEM_BAD_REQUEST

static void
test_request_lines(void **state)
{
    (void)state;
    static const struct line lines[] = {
        { "GET / HTTP/1.1", GOOD },
        { "GET / HTTP/1.0", GOOD },
        { "", BAD },
        { " GET / HTTP/1.1", BAD },
        { "GET  / HTTP/1.1", BAD },
        { "GET /  HTTP/1.1", BAD },
        { "GET / HTTP/1.1 ", BAD },
        { "GET\t/ HTTP/1.1", BAD },
        { "GET /\tHTTP/1.1", BAD },
        { "GET /", BAD },
        { "GET", BAD },
        { "GET ", BAD },
        { "GET / ", BAD },
        { "GET  HTTP/1.1", BAD },
        { "G@T / HTTP/1.1", BAD },
        { "G\xc3\x89T / HTTP/1.1", BAD },
        { "GET / http/1.1", BAD },
        { "GET / HTTP/1", BAD },
        { "GET / HTTP/1.", BAD },
        { "GET / HTTP/1.10", BAD },
        { "GET / HTTP/01.1", BAD },
        { "GET / HTTP/1,1", BAD },
        { "GET / HTTPS/1.1", BAD },
        { "GET / HTTP/a.1", BAD },
        { "GET / HTTP/1.2", PROBLEM_VERSION_NOT_SUPPORTED },
        { "GET / HTTP/0.9", PROBLEM_VERSION_NOT_SUPPORTED },
        { "GET / HTTP/2.0", PROBLEM_VERSION_NOT_SUPPORTED },
        { "PRI * HTTP/2.0", PROBLEM_VERSION_NOT_SUPPORTED },
    };
    ASSERT_LINES("", "\r\nHost: x\r\n\r\n", lines);
}

static void
test_targets(void **state)
{
    (void)state;
    static const struct line lines[] = {
        { "GET /a/b;c=d,e:f@g!$&'()*+-._~%41%ff", GOOD },
        { "GET /a?b=c/d?e:@![]{}|\\^`\"<>%zz", GOOD },
        { "GET /../a/./b", GOOD },
        { "GET /a//b", GOOD },
        { "GET //a", BAD },
        { "GET //", BAD },
        { "GET a", BAD },
        { "GET ?a", BAD },
        { "GET *", BAD },
        { "OPTIONS *", GOOD },
        { "OPTIONS */", BAD },
        { "GET /a#b", BAD },
        { "GET /?a#b", BAD },
        { "GET /a\\b", BAD },
        { "GET /a|b", BAD },
        { "GET /a\"b", BAD },
        { "GET /a{b}", BAD },
        { "GET /a[b]", BAD },
        { "GET /\xc3\xa9", BAD },
        { "GET /?\xc3\xa9", BAD },
        { "GET /%00", BAD },
        { "GET /a%", BAD },
        { "GET /a%4", BAD },
        { "GET /a%4g", BAD },
        { "GET /a%g4", BAD },
        { "GET /%4?1", BAD },
        { "GET /a\x01", BAD },
        { "GET /a\x7f", BAD },
        { "GET http://h.example:80/a?b", GOOD },
        { "GET HTTP://H.EXAMPLE:80/a", GOOD },
        { "GET http://h.example:80", GOOD },
        { "GET http://h.example:80?a=b", GOOD },
        { "GET http://h.example:80?a=\x01", BAD },
        { "GET http://h.example:80?a#b", BAD },
        { "GET http://h.example/a", BAD },
        { "GET http://evil.example/a", BAD },
        { "GET http://h.example:80@evil/a", BAD },
        { "GET http://u@h.example:80/a", BAD },
        { "GET http://h.example:80//a", BAD },
        { "GET http:///a", BAD },
        { "GET http://", BAD },
        { "GET https://h.example:80/a", BAD },
        { "GET ftp://h.example:80/a", BAD },
        { "CONNECT h.example:80", BAD },
        { "CONNECT h.example:443", BAD },
        { "CONNECT /p", BAD },
        { "CONNECT http://h.example/p", BAD },
    };
    ASSERT_LINES("", " HTTP/1.1\r\nHost: h.example:80\r\n\r\n", lines);
}

static void
test_an_absolute_target_gives_path_and_query(void **state)
{
    (void)state;
    assert_int_equal(PARSE("GET http://h/a?b=c HTTP/1.1\r\nHost: h\r\n\r\n"), PROBLEM_NONE);
    assert_slice(head.path, "/a");
    assert_slice(head.query, "b=c");
    assert_int_equal(PARSE("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n"), PROBLEM_NONE);
    assert_slice(head.path, "/");
    assert_slice(head.query, NULL);
    assert_int_equal(PARSE("GET http://h?b HTTP/1.1\r\nHost: h\r\n\r\n"), PROBLEM_NONE);
    assert_slice(head.path, "/");
    assert_slice(head.query, "b");
}

static void
test_field_lines(void **state)
{
    (void)state;
    static const struct line lines[] = {
        { "A: b", GOOD },
        { "A:", GOOD },
        { "A:\t b \t", GOOD },
        { "A: b\tc d", GOOD },
        { "A: \xff\x80", GOOD },
        { "!#$%&'*+-.^_`|~9Z: b", GOOD },
        { "A : b", BAD },
        { "A\t: b", BAD },
        { " A: b", BAD },
        { "\tA: b", BAD },
        { "A: b\r\n folded", BAD },
        { "A: b\r\n\tfolded", BAD },
        { ": b", BAD },
        { "A", BAD },
        { "A b", BAD },
        { "A b: c", BAD },
        { "A(: b", BAD },
        { "A\xc3\xa9: b", BAD },
        { "A: b\rc", BAD },
        { "A: b\nc: d", BAD },
        { "A: \x01", BAD },
        { "A: \x1b[2J", BAD },
        { "A: \x7f", BAD },
        { "A\x01: b", BAD },
    };
    ASSERT_LINES("GET / HTTP/1.1\r\nHost: x\r\n", "\r\n\r\n", lines);
    ASSERT_LINES("GET / HTTP/1.1\r\n", "\r\nHost: x\r\n\r\n", lines);
}

static void
test_nul_is_refused_everywhere(void **state)
{
    (void)state;
    static const char good[] = "GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
    for (size_t i = 0; i < sizeof(good) - 1; i++) {
        char text[sizeof(good)];
        memcpy(text, good, sizeof(good));
        text[i] = '\0';
        assert_int_equal(parse(text, sizeof(good) - 1), BAD);
    }
}

static void
test_hosts(void **state)
{
    (void)state;
    static const struct line lines[] = {
        { "Host: x", GOOD },
        { "Host: 127.0.0.1:8080", GOOD },
        { "Host: [::1]", GOOD },
        { "Host: [::1]:8080", GOOD },
        { "Host: [2001:DB8::192.0.2.1]:1", GOOD },
        { "Host: a_b-c.example.", GOOD },
        { "Host: %41", GOOD },
        { "Host:", BAD },
        { "Host: x\r\nHost: x", BAD },
        { "Host: x\r\nhOST: y", BAD },
        { "Host: x y", BAD },
        { "Host: x,y", GOOD }, /* a sub-delimiter of reg-name */
        { "Host: x/y", BAD },
        { "Host: x?", BAD },
        { "Host: u@x", BAD },
        { "Host: x:", BAD },
        { "Host: :80", BAD },
        { "Host: x:8o", BAD },
        { "Host: x:123456", BAD },
        { "Host: x:80:80", BAD },
        { "Host: ::1", BAD },
        { "Host: [", BAD },
        { "Host: []", BAD },
        { "Host: [::1", BAD },
        { "Host: [::1]8", BAD },
        { "Host: [g]", BAD },
        { "Host: %4", BAD },
        { "Host: \xc3\xa9", BAD },
        { "Host: \"x\"", BAD },
    };
    ASSERT_LINES("GET / HTTP/1.1\r\n", "\r\n\r\n", lines);
    ASSERT_LINES("GET / HTTP/1.0\r\n", "\r\n\r\n", lines);
}

static void
test_framing(void **state)
{
    (void)state;
    static const struct line lines[] = {
        { "Content-Length: 0", GOOD },
        { "Content-Length: 0005", GOOD },
        { "Content-Length: 9223372036854775807", GOOD },
        { "Content-Length: 9223372036854775808", BAD },
        { "Content-Length: 18446744073709551621", BAD },
        { "Content-Length: 00000000000000000005", BAD },
        { "Content-Length:", BAD },
        { "Content-Length: +5", BAD },
        { "Content-Length: -5", BAD },
        { "Content-Length: 5 5", BAD },
        { "Content-Length: 5, 5", BAD },
        { "Content-Length: 5,", BAD },
        { "Content-Length: 0x5", BAD },
        { "Content-Length: 5.0", BAD },
        { "Content-Length: \"5\"", BAD },
        { "Content-Length: 5\r\nContent-Length: 5", BAD },
        { "Content-Length: 5\r\nContent-Length: 6", BAD },
        { "Content-Length: 0\r\ncontent-length: 0", BAD },
        { "Transfer-Encoding: chunked", GOOD },
        { "Transfer-Encoding:chunked", GOOD },
        { "Transfer-Encoding:\tchunked", BAD },
        { "Transfer-Encoding: chunked ", BAD },
        { "Transfer-Encoding: chunked\t", BAD },
        { "Transfer-Encoding: Chunked", BAD },
        { "Transfer-Encoding: xchunked", BAD },
        { "Transfer-Encoding: chunkedx", BAD },
        { "Transfer-Encoding: \"chunked\"", BAD },
        { "Transfer-Encoding: chunked;a=b", BAD },
        { "Transfer-Encoding: gzip, chunked", BAD },
        { "Transfer-Encoding: chunked, identity", BAD },
        { "Transfer-Encoding: identity", BAD },
        { "Transfer-Encoding:", BAD },
        { "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", BAD },
        { "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", BAD },
        { "Transfer-Encoding: chunked\r\nContent-Length: 5", BAD },
        { "Content-Length: 5\r\nTransfer-Encoding: chunked", BAD },
        { "Content-Length: 0\r\nTransfer-Encoding: chunked", BAD },
        { "Authorization: Bearer a\r\nauthorization: Bearer a", BAD },
        { "Authorization: \r\nAuthorization: Bearer a", BAD },
        { "Cookie: a\r\nCookie: b", GOOD },
        { "Expect: 100-continue", GOOD },
        { "Expect: 100-continue\r\nExpect: 100-continue", GOOD },
        { "Expect: 101-continue", PROBLEM_EXPECTATION_FAILED },
        { "Expect:", PROBLEM_EXPECTATION_FAILED },
        { "Expect: 100-continue, a=b", PROBLEM_EXPECTATION_FAILED },
        { "Expect: cake\r\nContent-Length: x", BAD },
        { "Upgrade: h2c\r\nConnection: Upgrade", GOOD },
    };
    ASSERT_LINES("POST / HTTP/1.1\r\nHost: x\r\n", "\r\n\r\n", lines);
}

static void
test_what_the_framing_means(void **state)
{
    (void)state;
    PARSE("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_true(head.chunked);
    assert_int_equal(head.content_length, -1);
    PARSE("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0012\r\n\r\n");
    assert_int_equal(head.content_length, 12);
    PARSE("GET / HTTP/1.1\r\nHost: x\r\nCookie: a\r\nCookie: b\r\n\r\n");
    assert_slice(head.cookie, "a");
}

static void
test_http_1_0(void **state)
{
    (void)state;
    assert_int_equal(PARSE("POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"), BAD);
    assert_int_equal(PARSE("POST / HTTP/1.0\r\nHost: x\r\nExpect: 100-continue\r\n\r\n"), GOOD);
    assert_false(head.expects_continue);
    assert_int_equal(head.minor_version, 0);
}

static void
test_only_http_1_0_may_lack_host(void **state)
{
    (void)state;
    assert_int_equal(PARSE("GET / HTTP/1.0\r\n\r\n"), GOOD);
    assert_slice(head.host, NULL);
    assert_int_equal(PARSE("GET / HTTP/1.1\r\nX: y\r\n\r\n"), BAD);
    assert_int_equal(PARSE("GET http:/// HTTP/1.0\r\n\r\n"), BAD);
    assert_int_equal(PARSE("GET http://x/ HTTP/1.0\r\n\r\n"), BAD);
}

static void
test_a_lone_line_break_is_explained(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_in_token;
    } cases[] = {
        { "GET / HTTP/1.1\r\nAuthorization: Bearer x\n\r\n", true },
        { "GET / HTTP/1.1\r\nHost: x\r\nauthorization:x\nHost: y\r\n", true },
        { "GET / HTTP/1.1\r\nAuthorization: Bearer x\r\r\n", true },
        { "GET / HTTP/1.1\r\nAuthorization: Bearer x\r\nX: y\n\r\n", false },
        { "GET / HTTP/1.1\r\nX-Authorization: x\n\r\n", false },
        { "GET / HTTP/1.1\nAuthorization: x\r\n\r\n", false },
        { "\n", false },
        { "\x16\x03", false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t length = strlen(cases[i].text), scanned = 0;
        char *text = block_of(cases[i].text, length);
        assert_int_equal(http_head_scan(text, length, &scanned), -1);
        assert_int_equal(strstr(http_head_scan_detail(text, length), "Authorization") != NULL,
                         cases[i].is_in_token);
        free(text);
    }
}

static void
test_keep_alive(void **state)
{
    (void)state;
    static const struct {
        const char *version, *field;
        bool expected;
    } cases[] = {
        { "1.1", "A: b", true },
        { "1.1", "Connection: close", false },
        { "1.1", "Connection: Close", false },
        { "1.1", "Connection: closed", true },
        { "1.1", "Connection: x-close", true },
        { "1.1", "Connection: keep-alive", true },
        { "1.1", "Connection: keep-alive, close", false },
        { "1.1", "Connection: foo ,\tclose", false },
        { "1.1", "Connection: close,", false },
        { "1.1", "Connection: , ,close", false },
        { "1.1", "Connection: a\r\nConnection: close", false },
        { "1.1", "Connection:", true },
        { "1.0", "A: b", false },
        { "1.0", "Connection: keep-alive", true },
        { "1.0", "Connection: Keep-Alive", true },
        { "1.0", "Connection: keep-alive, close", false },
        { "1.0", "Connection: foo", false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        int length = snprintf(text, sizeof(text), "GET / HTTP/%s\r\nHost: x\r\n%s\r\n\r\n", cases[i].version,
                              cases[i].field);
        assert_int_equal(parse(text, (size_t)length), GOOD);
        assert_int_equal(head.keep_alive, cases[i].expected);
    }
}

/* GET /aaa… with a target of that length, and that many more fields than Host. */
static enum problem_code
parse_sized(size_t target, size_t fields)
{
    char *text = malloc(target + fields * 8 + 64);
    assert_non_null(text);
    size_t length = (size_t)sprintf(text, "GET /");
    memset(text + length, 'a', target - 1);
    length += target - 1;
    length += (size_t)sprintf(text + length, " HTTP/1.1\r\nHost: x\r\n");
    for (size_t i = 0; i < fields; i++) {
        length += (size_t)sprintf(text + length, "A: b\r\n");
    }
    length += (size_t)sprintf(text + length, "\r\n");
    enum problem_code code = parse(text, length);
    free(text);
    return code;
}

static void
test_limits(void **state)
{
    (void)state;
    assert_int_equal(parse_sized(HTTP_TARGET_MAX, 0), GOOD);
    assert_int_equal(head.path.length, HTTP_TARGET_MAX);
    assert_int_equal(parse_sized(HTTP_TARGET_MAX + 1, 0), PROBLEM_URI_TOO_LONG);
    assert_int_equal(parse_sized(1, HTTP_FIELDS_MAX - 1), GOOD);
    assert_int_equal(head.field_count, HTTP_FIELDS_MAX);
    assert_int_equal(parse_sized(1, HTTP_FIELDS_MAX), PROBLEM_HEADERS_TOO_LARGE);
}

static void
test_incomplete_blocks_are_refused(void **state)
{
    (void)state;
    static const char good[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    for (size_t length = 0; length < sizeof(good) - 1; length++) {
        assert_int_equal(parse(good, length), BAD);
    }
    assert_int_equal(PARSE("GET / HTTP/1.1\r\nHost: x\r\n\r\n\r\n"), BAD);
}

/* Feeds the text in two pieces, at every place, and byte by byte; all must come to the same. */
static ssize_t
scan(const char *text, size_t length)
{
    size_t scanned = 0;
    ssize_t expected = http_head_scan(text, length, &scanned);
    for (size_t cut = 0; cut <= length; cut++) {
        char *first = block_of(text, cut + !cut), *whole = block_of(text, length);
        scanned = 0;
        ssize_t found = http_head_scan(first, cut, &scanned);
        assert_true(found == 0 || found == expected);
        assert_true(found != 0 || http_head_scan(whole, length, &scanned) == expected);
        free(first);
        free(whole);
    }
    ssize_t found = 0;
    scanned = 0;
    for (size_t so_far = 1; so_far <= length && found == 0; so_far++) {
        found = http_head_scan(text, so_far, &scanned);
    }
    assert_int_equal(found, expected);
    return expected;
}

#define SCAN(text) scan(text, sizeof(text) - 1)

static void
test_the_end_is_found(void **state)
{
    (void)state;
    assert_int_equal(SCAN("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 27);
    assert_int_equal(SCAN("GET / HTTP/1.1\r\nHost: x\r\n\r\nmore\r\n\r\n"), 27);
    assert_int_equal(SCAN("a\r\n\r\n"), 5);
    assert_int_equal(SCAN("a\r\n\r\nb\nc"), 5);
    assert_int_equal(SCAN("GET / HTTP/1.1\r\nHost: x\r\n\r"), 0);
    assert_int_equal(SCAN("GET / HTTP/1.1\r\nHost: x\r\n"), 0);
    assert_int_equal(SCAN("GET"), 0);
}

static void
test_what_cannot_become_a_head_is_refused_early(void **state)
{
    (void)state;
    assert_int_equal(SCAN("GET / HTTP/1.1\n"), -1);
    assert_int_equal(SCAN("GET / HTTP/1.1\r\nHost: x\n\r\n"), -1);
    assert_int_equal(SCAN("GET / HTTP/1.1\rHost"), -1);
    assert_int_equal(SCAN("GET / HTTP/1.1\r\r\n"), -1);
    assert_int_equal(SCAN("GET / HTTP/1.1\r\nA: b\n\n"), -1);
    assert_int_equal(SCAN("\r\nGET"), -1);
    assert_int_equal(SCAN("\x16\x03\x01"), -1);
    assert_int_equal(SCAN(" GET"), -1);
    assert_int_equal(SCAN("\n"), -1);
}

static void
test_slices_compare(void **state)
{
    (void)state;
    struct http_slice slice = { "Abc", 3 }, absent = { NULL, 0 }, empty = { "", 0 };
    assert_true(http_slice_equals(slice, "Abc"));
    assert_false(http_slice_equals(slice, "abc"));
    assert_false(http_slice_equals(slice, "Ab"));
    assert_false(http_slice_equals(slice, "Abcd"));
    assert_true(http_slice_equals_nocase(slice, "aBC"));
    assert_false(http_slice_equals_nocase(slice, "aBCd"));
    assert_false(http_slice_equals(absent, ""));
    assert_false(http_slice_equals_nocase(absent, ""));
    assert_true(http_slice_equals(empty, ""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_whole_request, forget),
        cmocka_unit_test_teardown(test_the_least_request, forget),
        cmocka_unit_test_teardown(test_methods, forget),
        cmocka_unit_test_teardown(test_request_lines, forget),
        cmocka_unit_test_teardown(test_targets, forget),
        cmocka_unit_test_teardown(test_an_absolute_target_gives_path_and_query, forget),
        cmocka_unit_test_teardown(test_field_lines, forget),
        cmocka_unit_test_teardown(test_nul_is_refused_everywhere, forget),
        cmocka_unit_test_teardown(test_hosts, forget),
        cmocka_unit_test_teardown(test_framing, forget),
        cmocka_unit_test_teardown(test_what_the_framing_means, forget),
        cmocka_unit_test_teardown(test_http_1_0, forget),
        cmocka_unit_test_teardown(test_only_http_1_0_may_lack_host, forget),
        cmocka_unit_test(test_a_lone_line_break_is_explained),
        cmocka_unit_test_teardown(test_keep_alive, forget),
        cmocka_unit_test_teardown(test_limits, forget),
        cmocka_unit_test_teardown(test_incomplete_blocks_are_refused, forget),
        cmocka_unit_test(test_the_end_is_found),
        cmocka_unit_test(test_what_cannot_become_a_head_is_refused_early),
        cmocka_unit_test(test_slices_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
