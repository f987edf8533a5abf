#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "server/resources/calendar_text.h"
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define HEAD                                                                                                 \
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//TestKase//Tokens//EN\r\nCALSCALE:GREGORIAN\r\n"             \
    "METHOD:PUBLISH\r\nNAME:C\r\nX-WR-CALNAME:C\r\nREFRESH-INTERVAL;VALUE=DURATION:PT6H\r\n"                 \
    "X-PUBLISHED-TTL:PT6H\r\n"

static void
assert_written(const char *property, const char *text, const char *lines)
{
    char expected[1024];
    size_t length;
    struct calendar_text *calendar = calendar_text_new("C");
    calendar_text_add(calendar, property, text);
    char *bytes = calendar_text_end(calendar, &length);
    snprintf(expected, sizeof(expected), HEAD "%sEND:VCALENDAR\r\n", lines);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(bytes, expected, length);
    free(bytes);
}

static void
test_escapes(void **state)
{
    (void)state;
    assert_written("SUMMARY", "a,b;c\\d\ne: \"f\"", "SUMMARY:a\\,b\\;c\\\\d\\ne: \"f\"\r\n");
    assert_written("SUMMARY", "", "SUMMARY:\r\n");
}

/* "SUMMARY:" takes 8 octets of the 75. */
static void
test_folds_at_75_octets(void **state)
{
    (void)state;
    assert_written("SUMMARY", "1234567890123456789012345678901234567890123456789012345678901234567",
                   "SUMMARY:1234567890123456789012345678901234567890123456789012345678901234567\r\n");
    assert_written("SUMMARY", "12345678901234567890123456789012345678901234567890123456789012345678",
                   "SUMMARY:1234567890123456789012345678901234567890123456789012345678901234567\r\n 8\r\n");
}

static void
test_folds_between_characters_and_escapes(void **state)
{
    (void)state;
    assert_written("SUMMARY", "123456789012345678901234567890123456789012345678901234567890123456é",
                   "SUMMARY:123456789012345678901234567890123456789012345678901234567890123456\r\n é\r\n");
    assert_written("SUMMARY", "123456789012345678901234567890123456789012345678901234567890123456;",
                   "SUMMARY:123456789012345678901234567890123456789012345678901234567890123456\r\n \\;\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_folds_at_75_octets),
        cmocka_unit_test(test_folds_between_characters_and_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
