#include "server/http/media_type.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool
is_json(const char *type)
{
    return http_media_type_is_json((struct http_slice){ type, type ? strlen(type) : 0 });
}

static void
test_json(void **state)
{
    (void)state;
    static const char *const types[] = {
        "application/json",
        "Application/JSON",
        "application/json;",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json \t;\t CHARSET=\"utf-8\"",
        "application/json; profile=\"x\"; charset=utf-8",
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_true(is_json(types[i]));
    }
}

static void
test_not_json(void **state)
{
    (void)state;
    static const char *const types[] = {
        "",
        ";",
        "text/plain",
        "text/plain; application/json",
        "application/jsonp",
        "application/jso",
        "application/problem+json",
        "application/json, application/json",
        "application/json; charset=latin1",
        "application/json; charset=",
        "application/json; charset=utf-8x",
        "application/json; x=y; charset=utf-16",
    };
    assert_false(is_json(NULL));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_false(is_json(types[i]));
    }
}

static bool
is_form(const char *type)
{
    return http_media_type_is_form((struct http_slice){ type, type ? strlen(type) : 0 });
}

static void
test_forms(void **state)
{
    (void)state;
    assert_true(is_form("application/x-www-form-urlencoded"));
    assert_true(is_form("Application/X-WWW-Form-Urlencoded ; charset=UTF-8"));
    assert_false(is_form(NULL));
    assert_false(is_form(""));
    assert_false(is_form("application/json; application/x-www-form-urlencoded"));
    assert_false(is_form("application/x-www-form-urlencodedx"));
    assert_false(is_form("multipart/form-data"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_not_json),
        cmocka_unit_test(test_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
