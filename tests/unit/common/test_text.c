#include "common/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
utf8_is_what_rfc_3629_says(void **state)
{
    (void)state;
    static const char *const good[] = { "",
                                        "a",
                                        "\xC2\x80",
                                        "\xDF\xBF",
                                        "\xE0\xA0\x80",
                                        "\xED\x9F\xBF",
                                        "\xEE\x80\x80",
                                        "\xF0\x90\x80\x80",
                                        "\xF4\x8F\xBF\xBF" };
    static const char *const bad[] = {
        "\x80",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x9F\xBF",     "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
        "a\xC2",        "\xE2\x82",         "\xF0\x9F\x98",     "\xC2\xC2",         "\xE2\x28\xA1"
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
    }
    assert_true(text_is_utf8("\0", 1));
}

static const char *
refusal(const char *text)
{
    const char *name;
    size_t length;
    return text_name_refusal(text, strlen(text), 100, &name, &length);
}

static void
a_name_is_trimmed(void **state)
{
    (void)state;
    const char *name;
    size_t length;
    static const char text[] = " \t\xC2\xA0\xE3\x80\x80"
                               "a b"
                               "\xE2\x80\x83\n";
    assert_null(text_name_refusal(text, sizeof(text) - 1, 100, &name, &length));
    assert_int_equal(length, 3);
    assert_memory_equal(name, "a b", 3);
}

/* Its characters are not even looked at: the control at its end is not what is refused. */
static void
a_name_of_too_many_bytes_is_refused_as_such(void **state)
{
    (void)state;
    char text[802];
    memset(text, ' ', sizeof(text));
    text[399] = 'a';
    text[800] = text[801] = '\0';
    assert_null(refusal(text));
    text[800] = '\x01';
    assert_string_equal(refusal(text), "must have 1 to 100 characters");
    text[0] = '\xFF';
    assert_string_equal(refusal(text), "must have 1 to 100 characters");
}

static void
characters_count_not_bytes(void **state)
{
    (void)state;
    char text[4 * 101 + 1] = "";
    for (int i = 0; i < 100; i++) {
        strcat(text, "\xF0\x9F\x98\x80");
    }
    assert_null(refusal(text));
    strcat(text, "\xF0\x9F\x98\x80");
    assert_non_null(refusal(text));
    assert_non_null(refusal(""));
    assert_non_null(refusal("  \t "));
}

static void
characters_that_deceive_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a\x01"
        "b",
        "a\nb",
        "a\tb",
        "a\x7F"
        "b",
        "a\xC2\x85"
        "b",
        "a\xC2\xAD"
        "b",
        "a\xD8\x9C"
        "b",
        "a\xE2\x80\x8B"
        "b",
        "a\xE2\x80\x8E"
        "b",
        "a\xE2\x80\x8F"
        "b",
        "a\xE2\x80\xA8"
        "b",
        "a\xE2\x80\xAE"
        "b",
        "a\xE2\x81\xA0"
        "b",
        "a\xE2\x81\xA6"
        "b",
        "a\xE2\x81\xA9"
        "b",
        "a\xEF\xBB\xBF"
        "b",
        "a\xEF\xBF\xBF"
        "b",
        "a\xF3\xA0\x81\x81"
        "b",
        "a\xFF"
        "b",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_non_null(refusal(bad[i]));
    }
}

static void
every_script_has_names(void **state)
{
    (void)state;
    static const char *const good[] = { "GitHub Actions v2",
                                        "Zo\xC3\xAB",
                                        "Zoe\xCC\x88",
                                        "\xD7\xA2\xD7\x91\xD7\xA8\xD7\x99\xD7\xAA",
                                        "\xE4\xB8\xAD\xE6\x96\x87",
                                        "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB",
                                        "<b>\"'&" };
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_null(refusal(good[i]));
    }
}

static void
addresses(void **state)
{
    (void)state;
    static const char *const good[] = { "a@b", "ann.lee+ci@mail.example.com", "o'hara@x-y.example", "1@2.3" };
    static const char *const bad[] = { "",        "a",           "@b",     "a@",         "a@b@c",
                                       ".a@b",    "a.@b",        "a..b@c", "a b@c",      "a@-b",
                                       "a@b-",    "a@b..c",      "a@.b",   "a@b.",       "a@b_c",
                                       "\"a\"@b", "a@[1.2.3.4]", "a\n@b",  "\xC3\xA9@b", "a@b\n" };
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_null(text_email_refusal(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_non_null(text_email_refusal(bad[i], strlen(bad[i])));
    }
}

static void
long_addresses(void **state)
{
    (void)state;
    char text[300];
    memset(text, 'a', sizeof(text));
    text[64] = '@';
    for (size_t i = 65; i < sizeof(text); i += 10) {
        text[i + 9 < sizeof(text) ? i + 9 : i] = '.';
    }
    text[253] = 'a';
    text[252] = 'a';
    assert_null(text_email_refusal(text, 254));
    assert_non_null(text_email_refusal(text, 255));
    text[64] = 'a';
    text[65] = '@';
    assert_non_null(text_email_refusal(text, 200));
}

static void
links(void **state)
{
    (void)state;
    static const char *const good[] = { "https://a", "http://10.0.0.7:8080/x", "https://a/b@c?d=e#f",
                                        "https://[::1]/" };
    static const char *const bad[] = { "",
                                       "https://",
                                       "https:///a",
                                       "https://:1",
                                       "ftp://a",
                                       "javascript:alert(1)",
                                       "//a",
                                       "https:/a",
                                       "HTTPS://a",
                                       "https://a b",
                                       "https://a\n",
                                       "https://\xC3\xA9",
                                       "https://u:p@a",
                                       "https://u@",
                                       "https://a\\@b/",
                                       "https://a/\x7F",
                                       "https://?a",
                                       "https://#a" };
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_null(text_link_refusal(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_non_null(text_link_refusal(bad[i], strlen(bad[i])));
    }
    char text[502];
    memset(text, 'a', sizeof(text));
    memcpy(text, "https://", 8);
    assert_null(text_link_refusal(text, 500));
    assert_non_null(text_link_refusal(text, 501));
}

static void
ids(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "-1", "+1", "01", "1 ", " 1", "1.0", "0x1", "9223372036854775808", "99999999999999999999"
    };
    int64_t id = 42;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(text_to_id(bad[i], strlen(bad[i]), &id));
    }
    assert_int_equal(id, 42);
    assert_true(text_to_id("0", 1, &id));
    assert_int_equal(id, 0);
    assert_true(text_to_id("9223372036854775807", 19, &id));
    assert_true(id == INT64_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_what_rfc_3629_says),
        cmocka_unit_test(a_name_is_trimmed),
        cmocka_unit_test(a_name_of_too_many_bytes_is_refused_as_such),
        cmocka_unit_test(characters_count_not_bytes),
        cmocka_unit_test(characters_that_deceive_are_refused),
        cmocka_unit_test(every_script_has_names),
        cmocka_unit_test(addresses),
        cmocka_unit_test(long_addresses),
        cmocka_unit_test(links),
        cmocka_unit_test(ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
