#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/formats/cucumber.h"

#include <cmocka.h>

#include "format_fixture.h"

#define STEP(status) "{\"keyword\":\"Given \",\"result\":{\"status\":\"" status "\",\"duration\":2000000}}"
#define SCENARIO(name, steps)                                                                                \
    "{\"type\":\"scenario\",\"name\":\"" name "\",\"line\":3,\"id\":\"" name "\",\"steps\":[" steps "]}"
#define FEATURE(elements)                                                                                    \
    "[{\"line\":1,\"elements\":[" elements "],\"name\":\"F [00009]\",\"uri\":\"a.feature\"}]"

static void
expect(const char *text, const char *expected)
{
    fixture_expect(&cucumber_format, text, expected);
}

/* clang-format off */
static void
verdicts(void **state)
{
    (void)state;
    expect(FEATURE(SCENARIO("a [48271]", STEP("passed") "," STEP("passed")) ","
                   SCENARIO("b", STEP("skipped")) ","
                   SCENARIO("c", STEP("passed") "," STEP("undefined") "," STEP("skipped")) ","
                   SCENARIO("d", STEP("pending")) ","
                   SCENARIO("e", STEP("ambiguous")) ","
                   SCENARIO("f", STEP("untested"))),
           "+pass 48271 \"a [48271]\" 4\n+skipped 00009 \"b\" 2\n"
           "+fail 00009 \"c\" 6 a step is undefined\n+fail 00009 \"d\" 2 a step is pending\n"
           "+fail 00009 \"e\" 2 a step is ambiguous\n+blocked 00009 \"f\" 2\n");
    expect(FEATURE(SCENARIO("g", "")), "note g: has no steps that were executed; it is not reported\n");
}
/* clang-format on */

static void
background_and_hooks(void **state)
{
    (void)state;
    expect(FEATURE("{\"type\":\"background\",\"name\":\"B\",\"steps\":[{\"result\":{\"status\":\"failed\","
                   "\"duration\":1000000,"
                   "\"error_message\":\"no database\\nmore\"}}]}," SCENARIO(
                       "a", STEP("skipped")) ","
                                             "{\"type\":\"scenario\",\"name\":\"b\",\"before\":[{\"result\":{"
                                             "\"status\":\"failed\",\"error_message\":\"hook\"}}],"
                                             "\"steps\":[" STEP("skipped") "]}"),
           "+fail 00009 \"a\" 3 no database\nmore\n+fail 00009 \"b\" 2 hook\n");
    expect(FEATURE("{\"type\":\"background\",\"steps\":[{\"result\":{\"status\":\"failed\",\"error_message\":"
                   "\"x\"}}]}"),
           "error a.feature: x\n");
}

static void
behave(void **state)
{
    (void)state;
    expect(
        "[{\"keyword\":\"Feature\",\"name\":\"F\",\"tags\":[\"[00001]\"],\"status\":\"failed\",\"elements\":["
        "{\"type\":\"scenario\",\"name\":\"a -- "
        "@1.1\",\"location\":\"a:3\",\"tags\":[],\"status\":\"failed\",\"steps\":["
        "{\"result\":{\"status\":\"failed\",\"duration\":0.25,\"error_message\":[\"boom\",\"at "
        "x\"]}},{\"name\":\"no result\"}]},"
        "{\"type\":\"scenario\",\"name\":\"b\",\"tags\":[\"x[00002]\"],\"status\":\"passed\",\"steps\":[]}]}"
        "]",
        "+fail 00001 \"a -- @1.1\" 250 boom\n+pass 00002 \"b\"\n");
    expect("[\n{\"name\":\"F\",\"elements\":[]}\n",
           "fault 0:0 the file is truncated; the run was probably killed\n");
}

static void
not_cucumber(void **state)
{
    (void)state;
    expect("[]", "");
    expect("{}", "fault 0:0 this JSON is not Cucumber's: it has no elements\n");
    expect("[{\"a\":1}]", "fault 0:0 this JSON is not Cucumber's: it has no elements\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(verdicts), cmocka_unit_test(background_and_hooks),
                                        cmocka_unit_test(behave), cmocka_unit_test(not_cucumber) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
