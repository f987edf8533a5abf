#include "common/password.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *
refusal(const char *password)
{
    return password_refusal(password, strlen(password), "ann@example.com", "Ann Example Lee");
}

static void
length_counts_characters(void **state)
{
    (void)state;
    char password[4 * 129 + 1] = "";
    assert_non_null(refusal("xkq9Zv2"));
    assert_null(refusal("xkq9Zv2b"));
    assert_null(refusal("\xC3\xBC\xC3\xB6\xC3\xA4\xC3\x9F\xC3\xA9\xC3\xA8\xC3\xA0\xC3\xB4"));
    for (int i = 0; i < 128; i++) {
        strcat(password, "\xF0\x9D\x92\xAB");
    }
    assert_null(refusal(password));
    strcat(password, "x");
    assert_string_equal(refusal(password), "must have 8 to 128 characters");
    password[0] = '\xFF'; /* nor are its characters looked at then */
    assert_string_equal(refusal(password), "must have 8 to 128 characters");
}

static void
every_common_one_is_refused(void **state)
{
    (void)state;
    assert_in_range(password_common_count, 3000, 10000);
    for (int i = 0; i < password_common_count; i++) {
        assert_non_null(refusal(password_common[i]));
        assert_true(i == 0 || strcmp(password_common[i - 1], password_common[i]) < 0);
    }
    assert_non_null(refusal("PassWord1"));
}

static void
no_composition_rules(void **state)
{
    (void)state;
    assert_null(refusal("all lower case words"));
    assert_null(refusal("        x        "));
    assert_null(refusal("82904617352"));
}

static void
neither_address_nor_name(void **state)
{
    (void)state;
    assert_non_null(refusal("Ann@Example.com"));
    assert_non_null(refusal("ann example lee"));
    assert_null(password_refusal("ann@example.com", 15, NULL, NULL));
}

static void
only_text(void **state)
{
    (void)state;
    assert_non_null(password_refusal("xkq9\0Zv2b", 9, NULL, NULL));
    assert_non_null(refusal("xkq9Zv2b\xFF"));
}

static void
forms_are_normalized(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *normal; /* NULL: there is none */
    } cases[] = {
        { "Cafe\xCC\x81", "Caf\xC3\xA9" },
        { "Caf\xC3\xA9", "Caf\xC3\xA9" },
        { "a\xC2\xA0"
          "b\xE3\x80\x80"
          "c\xE2\x80\x80",
          "a b c " },                                                 /* spaces of Unicode */
        { "\xE2\x84\xAB", "\xC3\x85" },                               /* a singleton */
        { "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81" },   /* Hangul */
        { "q\xCC\xA3\xCC\x87", "q\xCC\xA3\xCC\x87" },                 /* no composed form */
        { "q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87" },                 /* canonical order */
        { "\xEF\xAC\x81 \xEF\xBC\xA1", "\xEF\xAC\x81 \xEF\xBC\xA1" }, /* not NFKC */
        { "\t a\x7F", "\t a\x7F" },                                   /* nothing is refused or trimmed */
        { "\xF3\xBF\xBF\xBF\xCD\xB8", "\xF3\xBF\xBF\xBF\xCD\xB8" },   /* private use, unassigned */
        { "", NULL },
        { "\xFF", NULL },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char password[PASSWORD_SIZE] = "unchanged";
        size_t length = password_normalize(cases[i].typed, strlen(cases[i].typed), password);
        const char *normal = cases[i].normal ? cases[i].normal : "";
        assert_int_equal(length, strlen(normal));
        assert_string_equal(password, cases[i].normal ? normal : "unchanged");
    }
}

static void
forms_are_bounded(void **state)
{
    (void)state;
    char typed[PASSWORD_BYTES_MAX + 3], password[PASSWORD_SIZE];
    memset(typed, 'a', sizeof(typed));
    assert_int_equal(password_normalize(typed, PASSWORD_BYTES_MAX, password), PASSWORD_BYTES_MAX);
    assert_int_equal(password_normalize(typed, PASSWORD_BYTES_MAX + 1, password), 0);
    for (size_t i = 0; i < PASSWORD_BYTES_MAX; i += 2) {
        memcpy(typed + i, "\xCE\x90", 2); /* three code points when decomposed */
    }
    assert_int_equal(password_normalize(typed, PASSWORD_BYTES_MAX, password), PASSWORD_BYTES_MAX);
    for (size_t i = 0; i < PASSWORD_BYTES_MAX; i += 4) {
        memcpy(typed + i, "\xF0\x9D\x85\xA0", 4); /* U+1D160, twelve bytes in NFC */
    }
    assert_int_equal(password_normalize(typed, PASSWORD_BYTES_MAX, password), 0);
    assert_int_equal(password_normalize(typed, 4 * 128, password), 12 * 128);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(length_counts_characters),
        cmocka_unit_test(every_common_one_is_refused),
        cmocka_unit_test(no_composition_rules),
        cmocka_unit_test(neither_address_nor_name),
        cmocka_unit_test(only_text),
        cmocka_unit_test(forms_are_normalized),
        cmocka_unit_test(forms_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
