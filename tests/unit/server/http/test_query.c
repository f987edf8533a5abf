#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/query.h"
#include <cmocka.h>
#include <string.h>

static struct http_slice
slice(const char *text)
{
    return (struct http_slice){ text, strlen(text) };
}

static void
test_values_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *query, *expected;
    } cases[] = {
        { "a=b", "b" },
        { "x=y&a=b", "b" },
        { "a=b&x=y", "b" },
        { "a=", "" },
        { "a", "" },
        { "&&a=b&", "b" },
        { "a=b=c", "b=c" },
        { "a=1+2", "1 2" },
        { "a=%41%2B%20", "A+ " },
        { "a=%c3%a9", "\xc3\xa9" },
        { "aa=c&a=b", "b" },
        { "a=12345678", "12345678" },
        { "A=c&a=b", "b" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char value[9] = "before";
        assert_int_equal(http_query_parameter(slice(cases[i].query), "a", value, sizeof(value)), 1);
        assert_string_equal(value, cases[i].expected);
    }
}

static void
test_absent_and_bad_ones_leave_the_buffer_alone(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        int expected;
    } cases[] = {
        { "", 0 },      { "b=a", 0 },      { "aa=1", 0 },   { "%61=1", 0 },     { "A=1", 0 },
        { "=a", 0 },    { "a=1&a=1", -1 }, { "a&a=", -1 },  { "a=%00", -1 },    { "a=123456789", -1 },
        { "a=%4", -1 }, { "a=%", -1 },     { "a=%zz", -1 }, { "a=%4&b=1", -1 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char value[9] = "before";
        assert_int_equal(http_query_parameter(slice(cases[i].query), "a", value, sizeof(value)),
                         cases[i].expected);
        assert_string_equal(value, "before");
    }
    char value[2] = "x";
    assert_int_equal(http_query_parameter((struct http_slice){ NULL, 0 }, "a", value, sizeof(value)), 0);
    assert_int_equal(http_query_parameter((struct http_slice){ "a=\0", 3 }, "a", value, sizeof(value)), -1);
    assert_string_equal(value, "x");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_decoded),
        cmocka_unit_test(test_absent_and_bad_ones_leave_the_buffer_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
