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
    assert_non_null(refusal(password));
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(length_counts_characters),
        cmocka_unit_test(every_common_one_is_refused),
        cmocka_unit_test(no_composition_rules),
        cmocka_unit_test(neither_address_nor_name),
        cmocka_unit_test(only_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
