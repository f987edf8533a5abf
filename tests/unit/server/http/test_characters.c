#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/characters.h"
#include <cmocka.h>
#include <string.h>

#define DIGITS     "0123456789"
#define ALPHABET   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define UNRESERVED ALPHABET DIGITS "-._~"
#define SUB_DELIMS "!$&'()*+,;="

static void
assert_class(enum http_character class, const char *members)
{
    for (int byte = 0; byte < 256; byte++) {
        bool expected = byte && strchr(members, byte);
        if (http_characters_is((char)byte, class) != expected) {
            fail_msg("byte 0x%02x in class 0x%02x", (unsigned)byte, (unsigned)class);
        }
    }
}

static void
test_classes_are_those_of_the_grammar(void **state)
{
    (void)state;
    assert_class(HTTP_TOKEN, ALPHABET DIGITS "!#$%&'*+-.^_`|~");
    assert_class(HTTP_PATH, UNRESERVED SUB_DELIMS ":@/%");
    assert_class(HTTP_HOST, UNRESERVED SUB_DELIMS "%");
    assert_class(HTTP_HOST6, DIGITS "abcdefABCDEF:.");
    assert_class(HTTP_DECIMAL, DIGITS);
    assert_class(HTTP_HEXADECIMAL, DIGITS "abcdefABCDEF");
}

static void
test_values_and_queries_are_ranges(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool visible = byte > ' ' && byte < 0x7f;
        assert_int_equal(http_characters_is((char)byte, HTTP_VALUE),
                         visible || byte == ' ' || byte == '\t' || byte >= 0x80);
        assert_int_equal(http_characters_is((char)byte, HTTP_QUERY), visible && byte != '#');
    }
}

static void
test_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int expected;
    } cases[] = { { "%41", 0x41 }, { "%00", 0 }, { "%fF", 0xff }, { "%aB", 0xab },
                  { "%4", -1 },    { "%", -1 },  { "%4g", -1 },   { "%g4", -1 } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = cases[i].text;
        assert_int_equal(http_characters_unescape(text, text + strlen(text)), cases[i].expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes_are_those_of_the_grammar),
        cmocka_unit_test(test_values_and_queries_are_ranges),
        cmocka_unit_test(test_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
