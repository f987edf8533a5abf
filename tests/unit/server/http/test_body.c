#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/body.h"
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void
begin(struct http_body *body, int64_t content_length, bool chunked)
{
    struct http_head head = { .content_length = content_length, .chunked = chunked };
    http_body_begin(body, &head);
}

/* Feeds the text in pieces of `size` bytes; returns how many it took. */
static size_t
feed(struct http_body *body, const char *text, size_t length, size_t size)
{
    size_t used = 0;
    while (used < length && body->state == HTTP_BODY_UNFINISHED) {
        size_t piece = length - used < size ? length - used : size;
        size_t taken = http_body_feed(body, text + used, piece);
        assert_true(taken == piece || body->state != HTTP_BODY_UNFINISHED);
        used += taken;
    }
    return used;
}

struct chunks {
    const char *text;
    enum http_body_state state;
    const char *content; /* when it is whole */
};

static const struct chunks all_chunks[] = {
    { "0\r\n\r\n", HTTP_BODY_WHOLE, "" },
    { "5\r\nhello\r\n0\r\n\r\n", HTTP_BODY_WHOLE, "hello" },
    { "5\r\nhello\r\n6\r\n world\r\n00\r\n\r\n", HTTP_BODY_WHOLE, "hello world" },
    { "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", HTTP_BODY_WHOLE, "01234567890123456789" },
    { "0000000000000005\r\nhello\r\n0\r\n\r\n", HTTP_BODY_WHOLE, "hello" },
    { "5;a=b\r\nhello\r\n0;c=\"d e\"\r\n\r\n", HTTP_BODY_WHOLE, "hello" },
    { "5;\r\nhello\r\n0\r\n\r\n", HTTP_BODY_WHOLE, "hello" },
    { "2\r\n\r\n\r\n0\r\n\r\n", HTTP_BODY_WHOLE, "\r\n" },
    { "0\r\nA: b\r\nC:\r\n\r\n", HTTP_BODY_WHOLE, "" },
    { "5\r\nhello\r\n", HTTP_BODY_UNFINISHED, NULL },
    { "5\r\nhell", HTTP_BODY_UNFINISHED, NULL },
    { "5", HTTP_BODY_UNFINISHED, NULL },
    { "", HTTP_BODY_UNFINISHED, NULL },
    { "0\r\n\r", HTTP_BODY_UNFINISHED, NULL },
    { "00000000000000005\r\nhello\r\n0\r\n\r\n", HTTP_BODY_BROKEN, NULL },
    { "fffffffffffffffff\r\n", HTTP_BODY_BROKEN, NULL },
    { "\r\n", HTTP_BODY_BROKEN, NULL },
    { ";a\r\n", HTTP_BODY_BROKEN, NULL },
    { " 5\r\nhello", HTTP_BODY_BROKEN, NULL },
    { "5 \r\nhello", HTTP_BODY_BROKEN, NULL },
    { "5 ;a\r\nhello", HTTP_BODY_BROKEN, NULL },
    { "+5\r\nhello", HTTP_BODY_BROKEN, NULL },
    { "-5\r\nhello", HTTP_BODY_BROKEN, NULL },
    { "0x5\r\nhello", HTTP_BODY_BROKEN, NULL },
    { "5g\r\nhello", HTTP_BODY_BROKEN, NULL },
    { "5\nhello", HTTP_BODY_BROKEN, NULL },
    { "5\r\rhello", HTTP_BODY_BROKEN, NULL },
    { "5;a\nhello", HTTP_BODY_BROKEN, NULL },
    { "5;\x01\r\nhello", HTTP_BODY_BROKEN, NULL },
    { "5;\xc3\xa9\r\nhello", HTTP_BODY_BROKEN, NULL },
    { "5\r\nhelloX\r\n0\r\n\r\n", HTTP_BODY_BROKEN, NULL },
    { "5\r\nhello\n0\r\n\r\n", HTTP_BODY_BROKEN, NULL },
    { "5\r\nhello\r0\r\n\r\n", HTTP_BODY_BROKEN, NULL },
    { "5\r\nhello0\r\n\r\n", HTTP_BODY_BROKEN, NULL },
    { "0\r\n\n", HTTP_BODY_BROKEN, NULL },
    { "0\r\n\rX", HTTP_BODY_BROKEN, NULL },
    { "0\r\nA\r\n\r\n", HTTP_BODY_BROKEN, NULL },
    { "0\r\n: b\r\n\r\n", HTTP_BODY_BROKEN, NULL },
    { "0\r\nA : b\r\n\r\n", HTTP_BODY_BROKEN, NULL },
    { "0\r\n A: b\r\n\r\n", HTTP_BODY_BROKEN, NULL },
    { "0\r\nA: b\n\r\n", HTTP_BODY_BROKEN, NULL },
    { "0\r\nA: \x01\r\n\r\n", HTTP_BODY_BROKEN, NULL },
};

static void
assert_chunks(const struct chunks *chunks, size_t size)
{
    struct http_body body;
    begin(&body, -1, true);
    http_body_keep(&body, 1000);
    feed(&body, chunks->text, strlen(chunks->text), size);
    if (body.state != chunks->state) {
        fail_msg("%s: state %d, not %d", chunks->text, (int)body.state, (int)chunks->state);
    }
    if (chunks->content) {
        assert_int_equal(body.length, strlen(chunks->content));
        assert_true(body.length == 0 || memcmp(body.bytes, chunks->content, body.length) == 0);
    }
    http_body_end(&body);
}

static void
test_chunks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(all_chunks) / sizeof(all_chunks[0]); i++) {
        for (size_t size = 1; size < 30; size++) {
            assert_chunks(&all_chunks[i], size);
        }
    }
}

static void
test_what_follows_is_left(void **state)
{
    (void)state;
    static const char text[] = "5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1";
    struct http_body body;
    begin(&body, -1, true);
    assert_int_equal(feed(&body, text, sizeof(text) - 1, 100), 15);
    begin(&body, 5, false);
    assert_int_equal(feed(&body, "helloGET", 8, 100), 5);
    assert_int_equal(body.state, HTTP_BODY_WHOLE);
    assert_int_equal(http_body_feed(&body, "more", 4), 0);
}

static void
test_plain_bodies(void **state)
{
    (void)state;
    struct http_body body;
    begin(&body, 0, false);
    assert_int_equal(body.state, HTTP_BODY_WHOLE);
    begin(&body, -1, false);
    assert_int_equal(body.state, HTTP_BODY_WHOLE);
    begin(&body, 11, false);
    http_body_keep(&body, 11);
    feed(&body, "hello", 5, 2);
    assert_int_equal(body.state, HTTP_BODY_UNFINISHED);
    feed(&body, " world", 6, 2);
    assert_int_equal(body.state, HTTP_BODY_WHOLE);
    assert_int_equal(body.length, 11);
    assert_memory_equal(body.bytes, "hello world", 11);
    http_body_end(&body);
    assert_null(body.bytes);
    http_body_end(&body);
}

static void
test_limits(void **state)
{
    (void)state;
    struct http_body body;
    begin(&body, 11, false);
    http_body_keep(&body, 10);
    assert_int_equal(body.state, HTTP_BODY_TOO_LARGE);
    assert_int_equal(http_body_feed(&body, "hello", 5), 0);
    begin(&body, INT64_MAX, false);
    http_body_keep(&body, 10);
    assert_int_equal(body.state, HTTP_BODY_TOO_LARGE);
    begin(&body, -1, true);
    http_body_keep(&body, 10);
    feed(&body, "5\r\nhello\r\n5\r\nhello\r\n", 20, 3);
    assert_int_equal(body.state, HTTP_BODY_UNFINISHED);
    feed(&body, "1\r\n", 3, 3);
    assert_int_equal(body.state, HTTP_BODY_TOO_LARGE);
    http_body_end(&body);
    begin(&body, -1, true);
    http_body_keep(&body, 10);
    feed(&body, "ffffffffffffffff\r\n", 18, 5);
    assert_int_equal(body.state, HTTP_BODY_TOO_LARGE);
    http_body_end(&body);
}

static void
test_dropping(void **state)
{
    (void)state;
    struct http_body body;
    begin(&body, 20, false);
    http_body_keep(&body, 10);
    assert_true(http_body_may_drop(&body, 20));
    assert_false(http_body_may_drop(&body, 19));
    http_body_drop(&body, 20);
    assert_int_equal(feed(&body, "01234567890123456789GET", 23, 7), 20);
    assert_int_equal(body.state, HTTP_BODY_WHOLE);
    assert_null(body.bytes);

    begin(&body, -1, true);
    http_body_keep(&body, 100);
    feed(&body, "5\r\nhel", 6, 7);
    assert_true(http_body_may_drop(&body, 5));
    http_body_drop(&body, 5);
    assert_int_equal(body.length, 0);
    assert_null(body.bytes);
    feed(&body, "lo\r\n3\r\nabc\r\n0\r\n\r\n", 18, 7);
    assert_int_equal(body.state, HTTP_BODY_WHOLE);

    begin(&body, -1, true);
    http_body_drop(&body, 5);
    feed(&body, "4\r\nabcd\r\n2\r\n", 12, 7);
    assert_int_equal(body.state, HTTP_BODY_TOO_LARGE);
    begin(&body, -1, true);
    feed(&body, "x", 1, 1);
    assert_false(http_body_may_drop(&body, 5));
}

/* What no limit counts must have one, else a client could send for ever. */
static void
test_extensions_and_trailers_are_bounded(void **state)
{
    (void)state;
    static const char *const begins[] = { "1;", "0\r\nA: " };
    for (size_t i = 0; i < 2; i++) {
        struct http_body body;
        begin(&body, -1, true);
        feed(&body, begins[i], strlen(begins[i]), 10);
        size_t count = 0;
        while (body.state == HTTP_BODY_UNFINISHED) {
            http_body_feed(&body, "a", 1);
            count++;
        }
        assert_int_equal(body.state, HTTP_BODY_BROKEN);
        assert_in_range(count, 8000, 8193);
    }
}

/* A large body goes from the socket to its place, in memory that grows with what has come. */
static void
test_receiving_directly(void **state)
{
    (void)state;
    const size_t total = 100000;
    struct http_body body;
    begin(&body, (int64_t)total, false);
    char *room;
    assert_int_equal(http_body_room(&body, &room), 0);
    http_body_keep(&body, 1 << 20);
    size_t received = 0, size;
    while ((size = http_body_room(&body, &room))) {
        assert_true(body.capacity <= 2 * received + 4096);
        size = size > 1500 ? 1500 : size;
        memset(room, (int)('a' + received / 1500 % 26), size);
        http_body_received(&body, size);
        received += size;
    }
    while (body.state == HTTP_BODY_UNFINISHED) {
        received += http_body_feed(&body, "z", 1);
    }
    assert_int_equal(received, total);
    assert_int_equal(body.length, total);
    assert_true(body.capacity <= total);
    assert_int_equal(body.bytes[0], 'a');
    assert_int_equal(body.bytes[1500], 'b');
    assert_int_equal(body.bytes[total - 1], 'z');
    http_body_end(&body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_what_follows_is_left),
        cmocka_unit_test(test_plain_bodies),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_dropping),
        cmocka_unit_test(test_extensions_and_trailers_are_bounded),
        cmocka_unit_test(test_receiving_directly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
