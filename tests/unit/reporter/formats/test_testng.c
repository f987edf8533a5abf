#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/formats/testng.h"

#include <cmocka.h>

#include "format_fixture.h"

#define REPORT(methods)                                                                                      \
    "<testng-results><suite name='s'><test name='t'><class name='c.D'>" methods                              \
    "</class></test></suite></testng-results>"

static void
expect(const char *text, const char *expected)
{
    fixture_expect(&testng_format, text, expected);
}

static void
verdicts(void **state)
{
    (void)state;
    expect(
        REPORT(
            "<test-method status='PASS' name='a' signature='a()' duration-ms='12' description='has [48271]'/>"
            "<test-method status='FAIL' name='b' signature='b()'><exception "
            "class='E'><message>\n<![CDATA[boom]]>"
            "</message><full-stacktrace>x</full-stacktrace></exception></test-method>"
            "<test-method status='SKIP' name='c' signature='c()'/>"
            "<test-method status='SUCCESS_PERCENTAGE_FAILURE' name='d' signature='d()'/>"
            "<test-method status='PASS' name='e' signature='e()'><custom-attributes>"
            "<custom-attribute name='id' value='[00001]'/></custom-attributes></test-method>"),
        "note d: failed within the share of failures that it is allowed\n"
        "pass 48271 \"a\" 12\nfail \"b\" boom\nskipped \"c\"\npass \"d\"\npass 00001 \"e\"\n");
}

static void
configuration(void **state)
{
    (void)state;
    expect(REPORT("<test-method status='PASS' name='ok' is-config='true'/>"
                  "<test-method status='FAIL' name='setUp' is-config='true'><exception class='E'>"
                  "<message>no database</message></exception></test-method>"
                  "<test-method status='SKIP' name='a' signature='a()'/>"),
           "note the configuration method setUp failed: no database\n"
           "blocked \"a\" the configuration method setUp failed: no database\n");
}

/* TestNG 7 writes the exception that caused a skip: only that of a failed set-up is one. */
static void
other_skips(void **state)
{
    (void)state;
    expect(
        REPORT("<test-method status='FAIL' name='connect' is-config='true'><exception class='E'>"
               "<message>no database</message></exception></test-method>"
               "<test-method status='FAIL' name='open' is-config='true'><exception class='F'/></test-method>"
               "<test-method status='SKIP' name='a' signature='a()'><exception class='E'>"
               "<message>no database</message></exception></test-method>"
               "<test-method status='SKIP' name='b' signature='b()'><exception class='F'/></test-method>"
               "<test-method status='SKIP' name='c' signature='c()'>"
               "<exception class='org.testng.SkipException'><message>no printer</message></exception>"
               "</test-method>"
               "<test-method status='SKIP' name='d' signature='d()'><exception class='java.lang.Throwable'>"
               "<message>depends on not successfully finished methods</message></exception></test-method>"),
        "note the configuration method connect failed: no database\n"
        "note the configuration method open failed: F\n"
        "blocked \"a\" the configuration method connect failed: no database\n"
        "blocked \"b\" the configuration method open failed: F\n"
        "skipped \"c\" no printer\n"
        "skipped \"d\" depends on not successfully finished methods\n");
}

static void
retries(void **state)
{
    (void)state;
    expect(
        REPORT("<test-method status='SKIP' name='a' signature='a()' retried='true'/>"
               "<test-method status='PASS' name='a' signature='a()'/>"
               "<test-method status='SKIP' name='b' signature='b()'><exception class='E'><message>m</message>"
               "</exception></test-method><test-method status='FAIL' name='b' signature='b()'/>"),
        "pass* \"a\"\nfail \"b\"\n");
    /* Rows of a data provider are no attempts. */
    expect(REPORT("<test-method status='PASS' name='a' signature='a()'><params><param "
                  "index='0'><value>1</value></param>"
                  "</params></test-method>"
                  "<test-method status='SKIP' name='a' signature='a()'><params><param "
                  "index='0'><value>2</value></param>"
                  "</params><exception class='E'/></test-method>"),
           "pass \"a\"\nskipped \"a\" E\n");
}

static void
fragments(void **state)
{
    (void)state;
    expect("<testng-results><suite url='other.xml'/></testng-results>",
           "note other.xml: a part of the report is in that file, which is not read\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(verdicts), cmocka_unit_test(configuration),
                                        cmocka_unit_test(other_skips), cmocka_unit_test(retries),
                                        cmocka_unit_test(fragments) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
