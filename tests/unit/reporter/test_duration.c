#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/duration.h"

#include <cmocka.h>

static void
seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t expected;
    } cases[] = {
        { "1.5", 1500 },
        { "0", 0 },
        { "1,234.5", 1234500 },
        { "14,029.255", 14029255 },
        { "1,234", 1234000 },
        { "0,123", 123 },
        { "0,03", 30 },
        { "1,5", 1500 },
        { "1,234,567", 1234567000 },
        { "1.4e-05", 0 },
        { "80.803us", 0 },
        { "1500us", 2 },
        { "250ms", 250 },
        { "2s", 2000 },
        { " 0.25 ", 250 },
        { "0.0005", 1 },
        { "0.00049", 0 },
        { "", DURATION_NONE },
        { "-1", DURATION_NONE },
        { "NaN", DURATION_NONE },
        { "inf", DURATION_NONE },
        { "0x10", DURATION_NONE },
        { "12:30", DURATION_NONE },
        { "99999999999", DURATION_NONE },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(duration_of_seconds(cases[i].text), cases[i].expected);
    }
}

static void
sums(void **state)
{
    (void)state;
    assert_int_equal(duration_of_ms(2.5), 3);
    assert_int_equal(duration_of_ms(-2.5), DURATION_NONE);
    assert_int_equal(duration_add(DURATION_NONE, 3), 3);
    assert_int_equal(duration_add(3, DURATION_NONE), 3);
    assert_int_equal(duration_add(3, 4), 7);
    assert_int_equal(duration_add(DURATION_NONE, DURATION_NONE), DURATION_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(seconds), cmocka_unit_test(sums) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
