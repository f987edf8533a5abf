#include "server/auth/credentials.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static enum credentials
credentials(const char *authorization, const char *cookie, bool secure, struct http_slice *ret_secret)
{
    struct http_head head;
    memset(&head, 0, sizeof(head));
    if (authorization) {
        head.authorization = (struct http_slice){ authorization, strlen(authorization) };
    }
    if (cookie) {
        head.cookie = (struct http_slice){ cookie, strlen(cookie) };
    }
    *ret_secret = (struct http_slice){ NULL, 0 };
    return credentials_read(&head, secure, ret_secret);
}

static void
assert_bearer(const char *authorization, const char *token)
{
    struct http_slice secret;
    assert_int_equal(credentials(authorization, "testkase_session=c", false, &secret), CREDENTIALS_BEARER);
    assert_true(http_slice_equals(secret, token));
}

static void
assert_cookie(const char *cookie, bool secure, const char *value)
{
    struct http_slice secret;
    assert_int_equal(credentials(NULL, cookie, secure, &secret),
                     value ? CREDENTIALS_SESSION : CREDENTIALS_NONE);
    if (value) {
        assert_true(http_slice_equals(secret, value));
    }
}

static void
test_a_bearer_token(void **state)
{
    (void)state;
    assert_bearer("Bearer t", "t");
    assert_bearer("bEARER   t", "t");
    assert_bearer("Bearer t u", "t u"); /* a bad one, not another scheme's */
    assert_bearer("Bearer", "");
    assert_bearer("Bearer ", "");
}

static void
test_another_scheme_leaves_the_cookie(void **state)
{
    (void)state;
    static const char *const others[] = { "Basic dTpw", "Bearerx t", "Beare", "", "Bearer\tt" };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct http_slice secret;
        assert_int_equal(credentials(others[i], "testkase_session=c", false, &secret), CREDENTIALS_SESSION);
        assert_true(http_slice_equals(secret, "c"));
        assert_int_equal(credentials(others[i], NULL, false, &secret), CREDENTIALS_NONE);
    }
}

static void
test_the_cookie_among_others(void **state)
{
    (void)state;
    assert_cookie("testkase_session=c", false, "c");
    assert_cookie("a=b; testkase_session=c; d=e", false, "c");
    assert_cookie("a=b;testkase_session=c;d=e", false, "c");
    assert_cookie("testkase_session=first; testkase_session=second", false, "first");
    assert_cookie("testkase_session=", false, "");
    assert_cookie("testkase_session=a=b", false, "a=b");
}

static void
test_the_cookie_in_another_field(void **state)
{
    (void)state;
    struct http_slice secret;
    struct http_head head;
    memset(&head, 0, sizeof(head));
    head.cookie = http_slice_of("a=1");
    head.fields[0] = (struct http_field){ http_slice_of("Cookie"), http_slice_of("a=1") };
    head.fields[1] = (struct http_field){ http_slice_of("X"), http_slice_of("testkase_session=x") };
    head.fields[2] = (struct http_field){ http_slice_of("cookie"), http_slice_of("b=2; testkase_session=c") };
    head.field_count = 2;
    assert_int_equal(credentials_read(&head, false, &secret), CREDENTIALS_NONE);
    head.field_count = 3;
    assert_int_equal(credentials_read(&head, false, &secret), CREDENTIALS_SESSION);
    assert_true(http_slice_equals(secret, "c"));
}

static void
test_no_cookie_of_ours(void **state)
{
    (void)state;
    static const char *const others[] = { "",
                                          "testkase_session",
                                          "xtestkase_session=c",
                                          "testkase_sessionx=c",
                                          "a=testkase_session=c",
                                          ";",
                                          "; ; ",
                                          "Testkase_session=c" };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_cookie(others[i], false, NULL);
    }
}

/* A cookie without the prefix may have been set by a neighbour that is not secure (RFC 6265bis §4.1.3). */
static void
test_behind_https_only_the_prefixed_cookie_counts(void **state)
{
    (void)state;
    assert_cookie("__Host-testkase_session=c", true, "c");
    assert_cookie("testkase_session=evil; __Host-testkase_session=c", true, "c");
    assert_cookie("testkase_session=c", true, NULL);
    assert_cookie("__Host-testkase_session=c", false, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bearer_token),
        cmocka_unit_test(test_another_scheme_leaves_the_cookie),
        cmocka_unit_test(test_the_cookie_among_others),
        cmocka_unit_test(test_the_cookie_in_another_field),
        cmocka_unit_test(test_no_cookie_of_ours),
        cmocka_unit_test(test_behind_https_only_the_prefixed_cookie_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
