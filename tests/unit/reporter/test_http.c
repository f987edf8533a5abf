#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/http.h"

#include <cmocka.h>

static void
addresses(void **state)
{
    (void)state;
    assert_null(http_url_refusal("https://testkase.example.com"));
    assert_null(http_url_refusal("http://[::1]:8080/qa/testkase/"));
    assert_non_null(http_url_refusal("testkase.example.com"));
    assert_non_null(http_url_refusal("file:///etc/passwd"));
    assert_non_null(http_url_refusal("https://"));
    assert_non_null(http_url_refusal("https://u:p@host/"));
    assert_non_null(http_url_refusal("https://host/?x=1"));
    assert_non_null(http_url_refusal("https://ho st/"));
    assert_false(http_url_is_exposed("https://host"));
    assert_false(http_url_is_exposed("http://localhost:8080"));
    assert_false(http_url_is_exposed("http://127.0.0.1:8080"));
    assert_true(http_url_is_exposed("http://host"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(addresses) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
