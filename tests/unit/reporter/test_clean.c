#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/clean.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void
expect(const char *text, size_t limit, const char *expected)
{
    char *clean = clean_text(text, strlen(text), limit);
    assert_string_equal(clean, expected);
    free(clean);
}

static void
controls(void **state)
{
    (void)state;
    expect("  a\r\n\tb  ", 100, "a b");
    expect("\x1b[31;1mred\x1b[0m\x1b]0;title\a!", 100, "red!");
    expect("\uFFFD[31mred#x1B[0m &#27;[1mx", 100, "red x");
    expect("a\x01\x7f\xc2\x85"
           "\u202e\u200fb",
           100, "ab");
    expect("a\xff\xc3", 100, "a\uFFFD\uFFFD");
    expect("\x1b[", 100, "");
}

static void
lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
        size_t limit;
    } table[] = {
        { "\n \n  a\r\n    - 1\n    + 2  \n\n\n\n\nb \n", "a\n    - 1\n    + 2\n\nb", 100 },
        { "a\tb  c", "a b  c", 100 },
        { "\x1b[31ma\x1b[0m\n\x1b[32mb", "a\nb", 100 },
        { "a\nb", "a", 2 },
        { "", "", 100 },
        { " \n ", "", 100 },
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char *clean = clean_lines(table[i].text, strlen(table[i].text), table[i].limit);
        assert_string_equal(clean, table[i].expected);
        free(clean);
    }
}

static void
cut(void **state)
{
    (void)state;
    expect("äöü", 5, "äö");
    expect("abc", 2, "ab");
    expect("abc", 0, "");
}

static void
secrets(void **state)
{
    (void)state;
    expect("with ghp_0123456789012345678901234567890123456789, and more", 100, "with ***, and more");
}

static void
first_lines(void **state)
{
    (void)state;
    char *clean = clean_first_line("\n  \n first \nsecond", 18, 100);
    assert_string_equal(clean, "first");
    free(clean);
    clean = clean_first_line("", 0, 100);
    assert_string_equal(clean, "");
    free(clean);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(controls), cmocka_unit_test(lines),
                                        cmocka_unit_test(cut), cmocka_unit_test(secrets),
                                        cmocka_unit_test(first_lines) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
