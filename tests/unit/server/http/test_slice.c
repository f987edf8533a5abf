#include "server/http/slice.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct http_slice
slice(const char *text)
{
    return (struct http_slice){ text, text ? strlen(text) : 0 };
}

static void
test_equality(void **state)
{
    (void)state;
    assert_true(http_slice_equals(slice("abc"), "abc"));
    assert_true(http_slice_equals(slice(""), ""));
    assert_false(http_slice_equals(slice("abc"), "abcd"));
    assert_false(http_slice_equals(slice("abcd"), "abc"));
    assert_false(http_slice_equals(slice("Abc"), "abc"));
    assert_true(http_slice_equals_nocase(slice("aBc-1"), "AbC-1"));
    assert_false(http_slice_equals_nocase(slice("abc"), "abd"));
    assert_false(http_slice_equals_nocase(slice("ab"), "abc"));
    assert_false(http_slice_equals_nocase(slice("@["), "`{")); /* what differs by that bit and is no letter */
    assert_true(http_slice_same_nocase(slice("Host"), slice("hOST")));
    assert_false(http_slice_same_nocase(slice("Host"), slice("Hosts")));
}

static void
test_it_ends_where_it_says(void **state)
{
    (void)state;
    const char text[] = "abcdef";
    assert_true(http_slice_equals(http_slice_between(text + 1, text + 3), "bc"));
    assert_int_equal(http_slice_between(text, text).length, 0);
}

static void
test_blanks_around_it(void **state)
{
    (void)state;
    assert_true(http_slice_equals(http_slice_trim(slice(" \t a b\t ")), "a b"));
    assert_true(http_slice_equals(http_slice_trim(slice("a")), "a"));
    assert_int_equal(http_slice_trim(slice(" \t ")).length, 0);
    assert_int_equal(http_slice_trim(slice("")).length, 0);
    assert_true(http_slice_equals(http_slice_trim(slice("\na\r")), "\na\r")); /* no blanks of HTTP */
}

static void
test_a_prefix_is_cut_off(void **state)
{
    (void)state;
    struct http_slice text = slice("For=x");
    assert_false(http_slice_skip_nocase(&text, "for=xy"));
    assert_false(http_slice_skip_nocase(&text, "by="));
    assert_true(http_slice_equals(text, "For=x"));
    assert_true(http_slice_skip_nocase(&text, "for="));
    assert_true(http_slice_equals(text, "x"));
    assert_true(http_slice_skip_nocase(&text, "X"));
    assert_true(http_slice_equals(text, ""));
}

static void
test_pieces(void **state)
{
    (void)state;
    static const char *const pieces[] = { "a", "", "b c", "" };
    struct http_slice rest = slice("a,,b c,x"), piece;
    rest.length--; /* up to the last separator and an empty piece behind it */
    size_t count = 0;
    while (http_slice_next(&rest, ',', &piece)) {
        assert_in_range(count, 0, 3);
        assert_true(http_slice_equals(piece, pieces[count++]));
    }
    assert_int_equal(count, 4);
    rest = slice("a");
    assert_true(http_slice_next(&rest, ',', &piece));
    assert_true(http_slice_equals(piece, "a"));
    assert_false(http_slice_next(&rest, ',', &piece));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equality),         cmocka_unit_test(test_it_ends_where_it_says),
        cmocka_unit_test(test_blanks_around_it), cmocka_unit_test(test_a_prefix_is_cut_off),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
