#include "server/request/input.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct request request;

static void
body(const char *json)
{
    const char *error;
    json_free(request.body);
    memset(&request, 0, sizeof(request));
    assert_int_equal(json_read(json, strlen(json), &request.body, &error), 0);
}

static int
tear_down(void **state)
{
    (void)state;
    json_free(request.body);
    request.body = NULL;
    return 0;
}

static void
assert_refused(const char *field, const char *detail)
{
    assert_true(request_has_errors(&request));
    assert_int_equal(request.problem.code, PROBLEM_VALIDATION_FAILED);
    assert_int_equal(request.problem.error_count, 1);
    assert_string_equal(request.problem.errors[0].field, field);
    assert_string_equal(request.problem.errors[0].detail, detail);
}

static void
test_what_is_not_known_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const known[] = { "name", "role", NULL };
    body("{\"name\":1,\"role\":2}");
    members_refuse_unknown(&request, known);
    assert_false(request_has_errors(&request));
    body("{\"name\":1,\"Role\":2}");
    members_refuse_unknown(&request, known);
    assert_refused("Role", "is not a property of this request");
    body("{\"a\":1,\"b\":2}");
    members_refuse_unknown(&request, known);
    assert_int_equal(request.problem.error_count, 2);
}

static void
test_a_text(void **state)
{
    (void)state;
    size_t length;
    body("{\"a\":\"xy\"}");
    assert_memory_equal(members_text(&request, "a", MEMBER_REQUIRED, &length), "xy", 3);
    assert_int_equal(length, 2);
    assert_null(members_text(&request, "b", MEMBER_OPTIONAL, &length));
    assert_false(request_has_errors(&request));
    assert_null(members_text(&request, "b", MEMBER_REQUIRED, &length));
    assert_refused("b", "is required");
    static const char *const others[] = { "{\"a\":null}", "{\"a\":1}", "{\"a\":[\"x\"]}" };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        body(others[i]);
        assert_null(members_text(&request, "a", MEMBER_OPTIONAL, &length));
        assert_refused("a", "must be a text");
    }
}

static void
test_a_name_is_trimmed(void **state)
{
    (void)state;
    body("{\"name\":\"  CI \\u2603\\t\"}");
    char *name = members_name(&request, "name", MEMBER_REQUIRED);
    assert_string_equal(name, "CI \xe2\x98\x83");
    free(name);
    static const char *const others[] = { "{\"name\":\"\"}", "{\"name\":\"  \"}",
                                          "{\"name\":\"a\\u0007b\"}" };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        body(others[i]);
        assert_null(members_name(&request, "name", MEMBER_REQUIRED));
        assert_int_equal(request.problem.error_count, 1);
        assert_string_equal(request.problem.errors[0].field, "name");
    }
}

/* Characters, not bytes. */
static void
test_a_name_of_a_hundred_characters(void **state)
{
    (void)state;
    char json[512] = "{\"name\":\"";
    for (int i = 0; i < 100; i++) {
        strcat(json, "\xc3\xa9");
    }
    char *end = json + strlen(json);
    strcpy(end, "\"}");
    body(json);
    char *name = members_name(&request, "name", MEMBER_REQUIRED);
    assert_int_equal(strlen(name), 200);
    free(name);
    strcpy(end, "e\"}");
    body(json);
    assert_null(members_name(&request, "name", MEMBER_REQUIRED));
    assert_true(request_has_errors(&request));
}

static void
test_a_choice(void **state)
{
    (void)state;
    static const char *const choices[] = { "person", "service", NULL };
    body("{\"kind\":\"service\"}");
    assert_string_equal(members_choice(&request, "kind", MEMBER_REQUIRED, choices, "no"), "service");
    assert_null(members_choice(&request, "other", MEMBER_OPTIONAL, choices, "no"));
    assert_false(request_has_errors(&request));
    static const char *const others[] = { "{\"kind\":\"Service\"}", "{\"kind\":\"\"}", "{\"kind\":1}",
                                          "{\"kind\":null}" };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        body(others[i]);
        assert_null(members_choice(&request, "kind", MEMBER_REQUIRED, choices, "must be one of two"));
        assert_refused("kind", "must be one of two");
    }
}

static void
test_a_whole_number(void **state)
{
    (void)state;
    int64_t number = 0;
    body("{\"days\":90}");
    assert_true(members_integer(&request, "days", MEMBER_REQUIRED, &number));
    assert_int_equal(number, 90);
    assert_false(members_integer(&request, "other", MEMBER_OPTIONAL, &number));
    assert_false(request_has_errors(&request));
    static const char *const others[] = { "{\"days\":\"90\"}", "{\"days\":90.5}", "{\"days\":true}",
                                          "{\"days\":null}", "{\"days\":9e1}" };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        body(others[i]);
        assert_false(members_integer(&request, "days", MEMBER_REQUIRED, &number));
        assert_refused("days", "must be a whole number");
    }
    assert_int_equal(number, 90);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_not_known_is_refused_by_name), TEST(test_a_text),   TEST(test_a_name_is_trimmed),
        TEST(test_a_name_of_a_hundred_characters),       TEST(test_a_choice), TEST(test_a_whole_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
