#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/formats/cypress.h"

#include <cmocka.h>

#include "format_fixture.h"

static void
expect(const char *text, const char *expected)
{
    fixture_expect(&cypress_format, text, expected);
}

#define MOCHA_TEST(title, more)                                                                              \
    "{\"title\":\"" title "\",\"fullTitle\":\"s " title "\",\"err\":{" more "},\"duration\":7}"

static void
mochawesome(void **state)
{
    (void)state;
    expect(
        "{\"stats\":{},\"results\":[false,{\"title\":\"\",\"file\":\"a.cy.js\",\"tests\":[],\"suites\":[{"
        "\"title\":\"s [00009]\","
        "\"beforeHooks\":[{\"title\":\"\\\"before each\\\" "
        "hook\",\"fail\":true,\"state\":\"failed\",\"err\":{\"message\":\"no\"}}],"
        "\"tests\":[{\"title\":\"a [48271]\",\"fullTitle\":\"s "
        "a\",\"state\":\"passed\",\"pass\":true,\"duration\":5},"
        "{\"title\":\"b\",\"state\":\"failed\",\"fail\":true,\"err\":{\"message\":\"boom\",\"estack\":\"x\"}}"
        ","
        "{\"title\":\"c\",\"state\":\"pending\",\"pending\":true},{\"title\":\"d\",\"state\":null,"
        "\"skipped\":true}]}]}]}",
        "error \"before each\" hook: no\npass 48271 \"s a\" 5\nfail 00009 \"b\" boom\nskipped 00009 \"c\"\n"
        "blocked 00009 \"d\"\n");
    expect("{\"stats\":{},\"suites\":{\"title\":\"\",\"tests\":[{\"title\":\"a\",\"state\":\"passed\"}],"
           "\"suites\":[]}}",
           "pass \"a\"\n");
}

/* clang-format off */
static void
mocha(void **state)
{
    (void)state;
    expect("{\"stats\":{},\"tests\":[" MOCHA_TEST("a [48271]", "") "," MOCHA_TEST("b", "") ","
           MOCHA_TEST("b", "") "," MOCHA_TEST("c", "") "," MOCHA_TEST("d", "") "],"
           "\"pending\":[" MOCHA_TEST("c", "") "],"
           "\"failures\":[" MOCHA_TEST("b", "\"message\":\"boom\"") ","
           MOCHA_TEST("\\\"before all\\\" hook", "\"message\":\"no\"") "],"
           "\"passes\":[" MOCHA_TEST("a [48271]", "") "," MOCHA_TEST("b", "") "]}",
           "error \"before all\" hook: no\npass 48271 \"s a [48271]\" 7\nfail \"s b\" 7 boom\n"
           "pass \"s b\" 7\nskipped \"s c\" 7\nblocked \"s d\" 7\n");
}
/* clang-format on */

static void
module_api(void **state)
{
    (void)state;
    expect(
        "{\"runs\":[{\"spec\":{\"relative\":\"a.cy.js\"},\"error\":null,\"tests\":["
        "{\"title\":[\"s "
        "[00009]\",\"a\"],\"state\":\"passed\",\"attempts\":[{\"state\":\"failed\"},{\"state\":\"passed\"}]},"
        "{\"title\":[\"s\",\"b [48271]\"],\"state\":\"failed\",\"displayError\":\"Error: "
        "boom\",\"attempts\":[{}]},"
        "{\"title\":[\"c\"],\"state\":\"pending\"},{\"title\":[\"d\"],\"state\":\"skipped\"}]}]}",
        "pass* 00009 \"s [00009] a\"\nfail 48271 \"s b [48271]\" Error: boom\nskipped \"c\"\nblocked "
        "\"d\"\n");
    expect("{\"status\":\"failed\",\"failures\":1,\"message\":\"no browser\"}", "error : no browser\n");
    expect("{\"a\":1}",
           "fault 0:0 this JSON is none that Cypress writes: it has no results, tests or runs\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(mochawesome), cmocka_unit_test(mocha),
                                        cmocka_unit_test(module_api) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
