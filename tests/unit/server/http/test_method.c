#include "server/http/method.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct http_slice
slice(const char *text)
{
    return (struct http_slice){ text, strlen(text) };
}

static void
test_a_name_leads_back_to_its_method(void **state)
{
    (void)state;
    for (int method = HTTP_GET; method < HTTP_OTHER; method++) {
        assert_int_equal(http_method_parse(slice(http_method_name((enum http_method)method))), method);
    }
}

static void
test_any_further_token_is_the_other_method(void **state)
{
    (void)state;
    static const char *const tokens[] = { "CONNECT", "TRACE", "get", "GETS", "GE", "other", "any" };
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        assert_int_equal(http_method_parse(slice(tokens[i])), HTTP_OTHER);
    }
}

static void
test_the_methods_that_stand_for_several_have_names_too(void **state)
{
    (void)state;
    assert_string_equal(http_method_name(HTTP_OTHER), "other");
    assert_string_equal(http_method_name(HTTP_ANY), "any");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_leads_back_to_its_method),
        cmocka_unit_test(test_any_further_token_is_the_other_method),
        cmocka_unit_test(test_the_methods_that_stand_for_several_have_names_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
