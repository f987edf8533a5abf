#include "common/clock.h"
#include "server/http/date.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

static void
test_the_line_follows_the_clock(void **state)
{
    (void)state;
    static const struct {
        int64_t second;
        const char *line;
    } cases[] = {
        { 0, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n" }, /* what a zeroed struct claims to hold already */
        { 784111777, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" },
        { 1709251199, "Date: Thu, 29 Feb 2024 23:59:59 GMT\r\n" },
        { 1709251200, "Date: Fri, 01 Mar 2024 00:00:00 GMT\r\n" },
        { 784111777, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" }, /* the clock was set back */
    };
    struct http_date date = { 0 };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        clock_freeze(0, cases[i].second * SECOND);
        assert_string_equal(http_date_line(&date), cases[i].line);
        clock_freeze(0, cases[i].second * SECOND + SECOND - 1);
        assert_string_equal(http_date_line(&date), cases[i].line);
    }
    clock_release();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_line_follows_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
