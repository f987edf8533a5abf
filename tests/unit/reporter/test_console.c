#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/console.h"

#include <cmocka.h>
#include <stdlib.h>

static void
expect(enum ci_provider provider, const char *message, const char *expected)
{
    char *annotation = console_annotation(provider, false, message);
    if (expected) {
        assert_string_equal(annotation, expected);
    } else {
        assert_null(annotation);
    }
    free(annotation);
}

static void
annotations(void **state)
{
    (void)state;
    expect(CI_GITHUB, "50% ::error::", "::warning title=testkase-reporter::50%25 ::error::");
    expect(CI_AZURE, "a;b]c%", "##vso[task.logissue type=warning]a%3Bb%5Dc%AZP25");
    expect(CI_TEAMCITY, "it's [a|b]", "##teamcity[message status='WARNING' text='it|'s |[a||b|]']");
    expect(CI_GITLAB, "x", "\x1b[33mWARNING: x\x1b[0m");
    expect(CI_JENKINS, "x", NULL);
    expect(CI_NONE, "x", NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(annotations) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
