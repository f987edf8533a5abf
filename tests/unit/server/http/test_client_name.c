#include "server/http/client_name.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *
name_of(const char *user_agent, size_t size)
{
    static char name[256];
    memset(name, 'x', sizeof(name));
    client_name((struct http_slice){ user_agent, user_agent ? strlen(user_agent) : 0 }, name, size);
    return name;
}

static void
test_what_clients_say(void **state)
{
    (void)state;
    assert_string_equal(name_of("curl/7.88.1", 65), "curl/7.88.1");
    assert_string_equal(name_of("", 65), "");
    assert_string_equal(name_of(NULL, 65), "");
}

static void
test_it_is_cut_to_its_size(void **state)
{
    (void)state;
    assert_string_equal(name_of("abcdef", 7), "abcdef");
    assert_string_equal(name_of("abcdef", 6), "abcde");
    assert_string_equal(name_of("abcdef", 1), "");
}

static void
test_only_printable_ascii_is_kept(void **state)
{
    (void)state;
    assert_string_equal(name_of("a\tb\x7f c\xc3\xa9~\x1b[31m", 65), "a?b? c??~?[31m");
}

static void
test_a_token_is_not_kept(void **state)
{
    (void)state;
    assert_string_equal(name_of("ci tk_pat_a1b2c3d4secret", 65), "ci ");
    assert_string_equal(name_of("tk_pat_a1b2c3d4secret", 65), "");
    assert_string_equal(name_of("ci tk_pat", 65), "ci tk_pat");
    assert_string_equal(name_of("ci/1 ghp_"
                                "16C7e42F292c6912E7710c838347Ae178B4a x",
                                65),
                        "ci/1 ");
    assert_string_equal(name_of("glpat-"
                                "wLb2xQ-Tz_k9VcR4mN7p/1.0",
                                65),
                        "");
}

static const char *
product_of(const char *user_agent, size_t size)
{
    static char product[256];
    memset(product, 'x', sizeof(product));
    client_name_product((struct http_slice){ user_agent, user_agent ? strlen(user_agent) : 0 }, product,
                        size);
    return product;
}

static void
test_the_product_and_its_version(void **state)
{
    (void)state;
    assert_string_equal(product_of("curl/7.88.1", 65), "curl/7.88.1");
    assert_string_equal(product_of("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101", 65), "Mozilla/5.0");
    assert_string_equal(product_of("tool (build 7)", 65), "tool");
    assert_string_equal(product_of("tool", 65), "tool");
    assert_string_equal(product_of("tool/", 65), "tool");
    assert_string_equal(product_of("tool/1/2", 65), "tool/1");
    assert_string_equal(product_of("tool/1;x", 65), "tool/1");
    assert_string_equal(product_of("a/1\tb/2", 65), "a/1");
    assert_string_equal(product_of("t\xc3\xb6ol/1", 65), "t");
    assert_string_equal(product_of("tool/1.0", 7), "tool/1");
}

static void
test_without_a_product(void **state)
{
    (void)state;
    assert_string_equal(product_of(NULL, 65), "");
    assert_string_equal(product_of("", 65), "");
    assert_string_equal(product_of("(compatible)", 65), "");
    assert_string_equal(product_of("/1.0", 65), "");
}

static void
test_a_token_is_no_product(void **state)
{
    (void)state;
    assert_string_equal(product_of("tk_pat_a1b2c3d4secret", 65), "");
    assert_string_equal(product_of("ci/tk_pat_a1b2c3d4secret", 65), "ci/");
    assert_string_equal(product_of("ci tk_pat_a1b2c3d4secret", 65), "ci");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_clients_say),
        cmocka_unit_test(test_it_is_cut_to_its_size),
        cmocka_unit_test(test_only_printable_ascii_is_kept),
        cmocka_unit_test(test_a_token_is_not_kept),
        cmocka_unit_test(test_the_product_and_its_version),
        cmocka_unit_test(test_without_a_product),
        cmocka_unit_test(test_a_token_is_no_product),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
