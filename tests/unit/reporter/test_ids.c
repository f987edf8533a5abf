#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "reporter/ids.h"

#include <cmocka.h>

static void
expect(const char *text, const char *expected)
{
    struct ids ids;
    char written[IDS_MAX * IDS_TEXT_SIZE + 1] = "";
    size_t length = 0;
    ids_reset(&ids);
    ids_add(&ids, IDS_NAME, text);
    for (size_t i = 0; i < ids.count; i++) {
        ids_write(ids.list[i], written + length);
        length += strlen(written + length);
        written[length++] = ' ';
        written[length] = '\0';
    }
    assert_string_equal(written, expected);
}

static void
five_digits_in_brackets(void **state)
{
    (void)state;
    expect("a [48271] b", "48271 ");
    expect("[00001][99999] and_[00001]_again", "00001 99999 ");
    expect("[[12345]]", "12345 ");
    expect("[123456] [1234] [ 12345 ] [12345", "");
    expect("［12345］ [１２３４５]", "");
    expect("", "");
    expect(NULL, "");
}

static void
the_first_level_wins(void **state)
{
    (void)state;
    struct ids ids, other;
    ids_reset(&ids);
    ids_add(&ids, IDS_SUITE + 1, "[00001]");
    ids_add(&ids, IDS_SUITE, "[00002]");
    ids_add(&ids, IDS_SUITE + 2, "[00003]");
    ids_add(&ids, IDS_NAME, "none");
    assert_int_equal(ids.count, 1);
    assert_int_equal(ids.list[0], 2);
    ids_reset(&other);
    ids_add(&other, IDS_NAME, "[00004] [00005]");
    ids_add_all(&ids, IDS_CLASS, &other);
    assert_int_equal(ids.count, 2);
    assert_int_equal(ids.level, IDS_CLASS);
}

static void
too_many(void **state)
{
    (void)state;
    struct ids ids;
    char text[8];
    ids_reset(&ids);
    for (int i = 0; i < IDS_MAX + 1; i++) {
        text[0] = '[';
        ids_write(i, text + 1);
        text[6] = ']';
        text[7] = '\0';
        ids_add(&ids, IDS_NAME, text);
    }
    assert_int_equal(ids.count, IDS_MAX);
    assert_true(ids.is_cut);
}

static void
six_digits_for_who_asks(void **state)
{
    (void)state;
    ids_take_six_digits(true);
    expect("[123456] [12345] [012345] [1234567] [1234]", "123456 12345 ");
    ids_take_six_digits(false);
    expect("[123456] [12345]", "12345 ");
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(five_digits_in_brackets),
                                        cmocka_unit_test(the_first_level_wins), cmocka_unit_test(too_many),
                                        cmocka_unit_test(six_digits_for_who_asks) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
