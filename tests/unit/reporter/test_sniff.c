#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/format.h"
#include "reporter/sniff.h"

#include <cmocka.h>
#include <string.h>

static void
expect(const char *head, const char *name)
{
    const struct format *format = format_of_head(head, strlen(head));
    if (name) {
        assert_non_null(format);
        assert_string_equal(format->name, name);
    } else {
        assert_null(format);
    }
}

static void
formats_by_content(void **state)
{
    (void)state;
    expect("\xef\xbb\xbf\n<?xml version='1.0'?>\n<!-- <test-run> -->\n<x:testsuites>", "junit");
    expect("<testsuite/>", "junit");
    expect("<testsuitesX/>", NULL);
    expect("<testng-results ", "testng");
    expect("<test-run>", "nunit");
    expect("{ \"config\": {", "playwright");
    expect("{\"suites\":[{\"specs\":[", "playwright");
    expect("{\"stats\": {\"suites\":1}, \"results\": [", "cypress");
    expect("{\"runs\": [", "cypress");
    expect("[{\"elements\": [", "cucumber");
    expect("[ ]", "cucumber");
    expect("{}", NULL);
    expect("", NULL);
    expect("<!--", NULL);
    expect("<?xml", NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(formats_by_content) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
