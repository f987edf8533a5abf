#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/formats/nunit.h"

#include <cmocka.h>

#include "format_fixture.h"

static void
expect(const char *text, const char *expected)
{
    fixture_expect(&nunit_format, text, expected);
}

static void
verdicts(void **state)
{
    (void)state;
    expect("<test-run><test-suite type='Assembly' name='a.dll' result='Failed' site='Child'>"
           "<test-case name='a' fullname='N.a' result='Passed' duration='0.5'/>"
           "<test-case name='b' result='Failed' "
           "label='Error'><failure><message>boom\nmore</message></failure></test-case>"
           "<test-case name='c' result='Skipped' "
           "label='Ignored'><reason><message>why</message></reason></test-case>"
           "<test-case name='d' result='Inconclusive'/><test-case name='e' result='Warning'/>"
           "<test-case name='f' result='Passed'><properties><property name='Description' value='[48271]'/>"
           "<property name='_X' value='[00001]'/></properties></test-case>"
           "</test-suite></test-run>",
           "pass \"a\" 500\nfail \"b\" boom\nmore\nskipped \"c\" why\nblocked \"d\"\nnote e: passed with a "
           "warning\n"
           "pass \"e\"\npass 48271 \"f\"\n");
}

static void
suites(void **state)
{
    (void)state;
    expect(
        "<test-run><test-suite type='TestFixture' name='F [00007]' result='Failed' site='TearDown'><failure>"
        "<message>tear-down</message></failure><test-case name='a' result='Passed'/></test-suite></test-run>",
        "pass 00007 \"a\"\nerror F [00007]: tear-down\n");
    expect("<test-run><test-suite type='TestFixture' name='F' result='Failed' site='SetUp'><failure>"
           "<message>set-up</message></failure><test-case name='a' result='Failed' "
           "site='Parent'/></test-suite></test-run>",
           "fail \"a\"\n");
    expect("<test-run><test-suite type='Assembly' name='F' result='Failed' label='Invalid'><failure>"
           "<message>cannot load</message></failure></test-suite></test-run>",
           "error F: cannot load\n");
}

static void
version_2(void **state)
{
    (void)state;
    expect("<test-results><test-suite name='s'><results>"
           "<test-case name='a' executed='True' success='True' time='0,250'/>"
           "<test-case name='b' executed='False'/><test-case name='c' executed='True' result='NotRunnable'/>"
           "<test-case name='d' executed='True' result='Error'><categories><category "
           "name='[00008]'/></categories>"
           "</test-case></results></test-suite></test-results>",
           "pass \"a\" 250\nskipped \"b\"\nfail \"c\"\nfail 00008 \"d\"\n");
}

static void
wide_characters(void **state)
{
    (void)state;
    static const char text[] =
        "<?xml version='1.0' encoding='utf-16'?><test-run><test-case name='a' result='Passed'/></test-run>";
    char wide[2 * sizeof(text)] = "\xff\xfe";
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        wide[2 + 2 * i] = text[i];
        wide[3 + 2 * i] = '\0';
    }
    fixture_expect_bytes(&nunit_format, wide, 2 * sizeof(text), "pass \"a\"\n");
    expect(text, "pass \"a\"\n"); /* declared only */
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(verdicts), cmocka_unit_test(suites),
                                        cmocka_unit_test(version_2), cmocka_unit_test(wide_characters) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
