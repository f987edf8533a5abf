#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/formats/playwright.h"

#include <cmocka.h>

#include "format_fixture.h"

#define REPORT(specs)                                                                                        \
    "{\"config\":{\"suites\":[{\"specs\":[]}]},\"suites\":[{\"title\":\"a.spec.ts\",\"suites\":[{\"title\":" \
    "\"d [00009]\","                                                                                         \
    "\"specs\":[" specs "]}]}],\"errors\":[],\"stats\":{}}"
#define SPEC(title, tests) "{\"title\":\"" title "\",\"ok\":true,\"tags\":[\"x\"],\"tests\":[" tests "]}"

static void
expect(const char *text, const char *expected)
{
    fixture_expect(&playwright_format, text, expected);
}

static void
verdicts(void **state)
{
    (void)state;
    expect(
        REPORT(SPEC("a [48271]",
                    "{\"projectName\":\"chromium\",\"status\":\"expected\",\"results\":[{\"duration\":12}]},"
                    "{\"projectName\":\"firefox\",\"status\":\"unexpected\",\"results\":[{\"duration\":5,"
                    "\"status\":\"failed\",\"error\":{\"message\":\"\\u001b[31mboom\\u001b[39m\"}}]}")),
        "pass 48271 \"a [48271] (chromium)\" 12\nfail 48271 \"a [48271] (firefox)\" 5 boom\n");
    expect(REPORT(SPEC(
               "f", "{\"status\":\"flaky\",\"results\":[{\"error\":{\"message\":\"m\"}},{\"duration\":3}]}")),
           "pass* 00009 \"f\" 3\n");
    expect(REPORT(SPEC(
               "s",
               "{\"status\":\"skipped\",\"annotations\":[{\"type\":\"skip\",\"description\":"
               "\"why\"}]}") "," SPEC("i",
                                      "{\"status\":\"skipped\",\"results\":[{\"status\":\"interrupted\"}]}")),
           "skipped 00009 \"s\" why\nblocked 00009 \"i\"\n");
    expect(REPORT(SPEC("o", "{\"results\":[]}")), "pass 00009 \"o\"\n"); /* old versions */
}

static void
places_of_ids(void **state)
{
    (void)state;
    expect(REPORT("{\"tests\":[{\"status\":\"expected\",\"annotations\":[{\"type\":\"id\",\"description\":\"["
                  "00001]\"}]}],"
                  "\"tags\":[\"[00002]\"],\"title\":\"last\"}"),
           "pass 00001,00002 \"last\"\n");
}

static void
global_errors(void **state)
{
    (void)state;
    expect("{\"config\":{},\"suites\":[],\"errors\":[{\"message\":\"cannot start\"}]}",
           "error : cannot start\n");
}

static void
not_whole(void **state)
{
    (void)state;
    expect("Running 3 tests\n{}", "fault 0:0 not JSON from its start on; does it hold the output of another "
                                  "program? Let Playwright write to a "
                                  "file: PLAYWRIGHT_JSON_OUTPUT_NAME=results.json\n");
    expect("{\"suites\":[{", "fault 0:0 the file is truncated; the run was probably killed\n");
    expect("{}", "fault 0:0 this JSON is not Playwright's: it has no suites\n");
    expect("", "fault 0:0 the file is empty; the run was probably killed before it wrote anything\n");
}

/* Lone surrogates, numbers of any length, keys twice, bytes that are not UTF-8. */
static void
odd_json(void **state)
{
    (void)state;
    expect(
        REPORT("{\"title\":\"a\\ud800b\",\"title\":\"t\xff\",\"tests\":[{\"status\":\"expected\",\"results\":"
               "[{\"duration\":1234567890123456789012345678901234567890}]}]}"),
        "pass 00009 \"t\u00ff\"\n");
}

static void
long_strings(void **state)
{
    (void)state;
    static const char start[] = "{\"suites\":[{\"title\":\"f\",\"attachments\":[{\"body\":\"";
    static const char end[] = "\\\"\\u00e9\"}],\"specs\":[" SPEC("a", "{\"status\":\"expected\"}") "]}]}";
    size_t length = 3 << 20;
    char *text = malloc(length + sizeof(start) + sizeof(end));
    strcpy(text, start);
    memset(text + strlen(text), 'x', length);
    strcpy(text + sizeof(start) - 1 + length, end);
    char *lines = fixture_read(&playwright_format, text, strlen(text), 65536);
    assert_string_equal(lines, "pass \"a\"\n");
    free(lines);
    free(text);
}

static void
deep(void **state)
{
    (void)state;
    char *text = malloc(10001);
    memset(text, '[', 10000);
    text[10000] = '\0';
    char *lines = fixture_read(&playwright_format, text, 10000, 65536);
    assert_non_null(strstr(lines, "values are nested deeper than 200"));
    free(lines);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),  cmocka_unit_test(places_of_ids), cmocka_unit_test(global_errors),
        cmocka_unit_test(not_whole), cmocka_unit_test(odd_json),      cmocka_unit_test(long_strings),
        cmocka_unit_test(deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
