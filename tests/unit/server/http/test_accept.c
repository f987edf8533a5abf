#include "server/http/accept.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A request with these fields, whole lines. */
static void
parse(const char *fields, struct http_head *ret_head)
{
    static char bytes[1024]; /* the head points into it */
    enum problem_code code;
    const char *detail;
    int length = snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);
    assert_int_equal(http_head_parse(bytes, (size_t)length, ret_head, &code, &detail), 0);
}

static bool
prefers(bool (*decide)(const struct http_head *), const char *field, const char *value)
{
    char line[512];
    struct http_head head;
    snprintf(line, sizeof(line), "%s: %s\r\n", field, value);
    parse(line, &head);
    return decide(&head);
}

static bool
prefers_gzip(const char *value)
{
    return prefers(http_accept_prefers_gzip, "Accept-Encoding", value);
}

static bool
prefers_html(const char *value)
{
    return prefers(http_accept_prefers_html, "Accept", value);
}

static void
test_gzip(void **state)
{
    (void)state;
    static const char *const values[] = {
        "gzip",
        "GZip",
        "gzip, deflate, br, zstd",
        "br;q=1.0, gzip;q=0.8, *;q=0.1",
        "br,\t gzip ; q=0.001",
        "gzip;Q=1.000",
        "*",
        "*;q=0.5",
        "identity;q=0, *",
        "identity;q=0.5, gzip;q=0.5",
        "identity;q=0, gzip;q=0.1",
        "gzip, *;q=0",
        ",, gzip,",
        "gzip;q=0.5, identity;q=0.2, *;q=1",
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (!prefers_gzip(values[i])) {
            fail_msg("%s", values[i]);
        }
    }
}

static void
test_no_gzip(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        "identity",
        "br, deflate",
        "gzip;q=0",
        "gzip;q=0.000",
        "gzip;q=0, *",
        "gzip;q=0, identity;q=0",
        "*;q=0",
        "identity, *;q=0.5",
        "identity;q=0.8, gzip;q=0.5",
        "gzip;q=0.5, *",
        "x-gzipx, gzipx, xgzip",
        "gzip;q=",
        "gzip;q=2",
        "gzip;q=1.001",
        "gzip;q=0.1234",
        "gzip;q=-1",
        "gzip;q=.5",
        "gzip;q=0,5",
        "\"gzip\"",
        "br;gzip",
    };
    struct http_head head;
    parse("", &head);
    assert_false(http_accept_prefers_gzip(&head));
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (prefers_gzip(values[i])) {
            fail_msg("%s", values[i]);
        }
    }
}

static void
test_several_fields_are_one_list(void **state)
{
    (void)state;
    struct http_head head;
    parse("Accept-Encoding: br\r\nAccept: text/html\r\nAccept-Encoding: gzip;q=0.5\r\n", &head);
    assert_true(http_accept_prefers_gzip(&head));
    parse("Accept-Encoding: gzip;q=0.5\r\nAccept-Encoding: identity\r\n", &head);
    assert_false(http_accept_prefers_gzip(&head));
}

static void
test_html(void **state)
{
    (void)state;
    static const char *const pages[] = {
        "text/html",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
        "application/json;q=0.5, text/html",
        "TEXT/HTML;level=1;q=0.4",
    };
    static const char *const others[] = {
        "",
        "*/*",
        "application/json",
        "application/json, text/plain, */*",
        "text/html;q=0",
        "text/html;q=0.5, application/json",
        "application/problem+json, text/html;q=0.9",
        "text/*",
        "text/htmlx",
    };
    struct http_head head;
    parse("", &head);
    assert_false(http_accept_prefers_html(&head));
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (!prefers_html(pages[i])) {
            fail_msg("%s", pages[i]);
        }
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (prefers_html(others[i])) {
            fail_msg("%s", others[i]);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_no_gzip),
        cmocka_unit_test(test_several_fields_are_one_list),
        cmocka_unit_test(test_html),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
