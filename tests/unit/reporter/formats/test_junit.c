#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/formats/junit.h"

#include <cmocka.h>

#include "format_fixture.h"

#define SUITE(cases) "<testsuites><testsuite name=\"s\">" cases "</testsuite></testsuites>"

static void
expect(const char *cases, const char *expected)
{
    fixture_expect(&junit_format, cases, expected);
}

static void
roots_and_depth(void **state)
{
    (void)state;
    expect("<testsuite name='a'><testcase name='t'/></testsuite>", "pass \"t\"\n");
    expect("<testrun><testsuite><testcase name='t'/></testsuite></testrun>", "pass \"t\"\n");
    expect("<j:testsuites xmlns:j='x'><j:testsuite><j:testcase name='t'/></j:testsuite></j:testsuites>",
           "pass \"t\"\n");
    expect("<testsuites><testsuite><testsuite><testsuite><testcase "
           "name='deep'/></testsuite></testsuite></testsuite>"
           "<testcase name='flat'/></testsuites>",
           "pass \"deep\"\npass \"flat\"\n");
    expect("<coverage/>", "fault 1:1 its root element is <coverage>; this is a coverage report\n");
    expect("<test-run/>",
           "fault 1:1 its root element is <test-run>; this looks like NUnit 3: use --format nunit\n");
}

static void
too_deep(void **state)
{
    (void)state;
    char text[210 * 11 + 1] = "";
    for (int i = 0; i < 210; i++) {
        strcat(text, "<testsuite>");
    }
    expect(text, "fault 1:2201 elements are nested deeper than 200\n");
}

static void
a_test_within_a_failure_of_its_suite(void **state)
{
    (void)state;
    expect("<testsuites><testsuite name='s'><failure message='first' type='t'><testcase name='a'>"
           "<failure message='second'/></testcase></failure></testsuite></testsuites>",
           "fail \"a\" second\nerror s: (no message)\n");
}

static void
verdicts(void **state)
{
    (void)state;
    expect(SUITE("<testcase name='a'><failure message='m' type='t'>text</failure></testcase>"
                 "<testcase name='b'><error>\n\n  first\nsecond</error></testcase>"
                 "<testcase name='c'><error type='T'/></testcase>"
                 "<testcase name='d'><failure message='one'/><error message='two'/></testcase>"
                 "<testcase name='e'><skipped message='why'/></testcase>"
                 "<testcase name='f' status='failed'/>"
                 "<testcase name='g' status='notrun' result='suppressed'/>"
                 "<testcase name='h'><rerunFailure message='r'/></testcase>"
                 "<testcase name='i'><flakyFailure "
                 "message='x'><stackTrace>s</stackTrace></flakyFailure></testcase>"
                 "<testcase name='j'><failure message='f'/><rerunFailure message='r'/></testcase>"),
           "fail \"a\" m\nfail \"b\" first\nfail \"c\" T\nfail \"d\" one (+1 more)\nskipped \"e\" why\nfail "
           "\"f\"\n"
           "skipped \"g\"\nfail \"h\" r\npass* \"i\"\nfail \"j\" f\n");
}

static void
conflicts(void **state)
{
    (void)state;
    expect(
        SUITE("<testcase name='a'><skipped/><failure message='f'/></testcase>"
              "<testcase name='b' status='disabled'><failure message='f'/></testcase>"
              "<testcase name='c'><skipped message='TEST_CASE tagged with !mayfail'/><failure "
              "message='f'/></testcase>"
              "<testcase name='d'><skipped/><failure message='Skipped: no'/></testcase>"
              "<testcase name='e' status='notrun'><skipped message='Unable to find executable'/></testcase>"),
        "note a: both failed and not executed; it counts as failed\nfail \"a\" f\n"
        "note b: both failed and not executed; it counts as failed\nfail \"b\" f\n"
        "skipped \"c\" f\nskipped \"d\" Skipped: no\n"
        "note e: CTest could not run it; it counts as blocked\nblocked \"e\" Unable to find executable\n");
}

static void
times(void **state)
{
    (void)state;
    expect(
        SUITE(
            "<testcase name='a' time='1,234.5'/><testcase name='b' time='0,03'/><testcase name='c' time=''/>"
            "<testcase name='d' time='-1'/><testcase name='e' time='NaN'/><testcase name='f' time='80us'/>"
            "<testcase name='g' duration='2'/>"),
        "pass \"a\" 1234500\npass \"b\" 30\npass \"c\"\npass \"d\"\npass \"e\"\npass \"f\" 0\npass \"g\" "
        "2000\n");
}

static void
automation_ids(void **state)
{
    (void)state;
    expect("<testsuites name='[00001]'><testsuite name='[00002]'>"
           "<testcase name='a [48271] b [48272] [48271] [482711] [4827] [ 48271 ]' classname='[00003]'/>"
           "<testcase name='a' classname='[00003]'><properties><property name='id' "
           "value='[00004]'/></properties>"
           "</testcase>"
           "<testcase name='a'><properties><property name='id'>[00005]</property></properties></testcase>"
           "<testcase name='a' classname='c[00003]'/>"
           "<testcase name='a'/></testsuite><testcase name='a'/></testsuites>",
           "pass 48271,48272 \"a [48271] b [48272] [48271] [482711] [4827] [ 48271 ]\"\npass 00004 \"a\"\n"
           "pass 00005 \"a\"\npass 00003 \"a\"\npass 00002 \"a\"\npass 00001 \"a\"\n");
}

static void
errors_of_suites(void **state)
{
    (void)state;
    expect("<testsuites><testsuite name='s'><error message='cannot load'/></testsuite></testsuites>",
           "error s: cannot load\n");
    expect("<testsuite name='s' tests='3' errors='1'/>",
           "error : its attributes count errors, but it holds no test\n");
    expect("<testsuite name='s' tests='3'/>", "note its attributes count tests (3), but it holds none\n");
    expect("<testsuites/>", "");
}

static void
names(void **state)
{
    (void)state;
    expect(SUITE("<testcase/><testcase name=''/><testcase name='a&#10;b&#9;c'/><testcase "
                 "name='&#27;[31mred&#27;[0m'/>"
                 "<testcase name='x&#x202e;y'/><testcase name='tk_pat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'/>"),
           "pass \"(no name)\"\npass \"(no name)\"\npass \"a b c\"\npass \"red\"\npass "
           "\"xy\"\n"
           "pass \"***\"\n");
}

static void
listing(void **state)
{
    (void)state;
    expect(SUITE("<testcase name='a' file='a.cc' line='3'/>"),
           "note a: listed by googletest, and not executed\n");
}

static void
not_whole(void **state)
{
    (void)state;
    expect("", "fault 0:0 the file is empty; the run was probably killed before it wrote anything\n");
    expect("  \n", "fault 0:0 the file is empty; the run was probably killed before it wrote anything\n");
    expect("<testsuites>\n<testsuite><testcase name='a'/>",
           "pass \"a\"\nfault 2:32 the file is truncated; the run was probably killed\n");
    expect("<testsuites><testsuite><testcase name='a",
           "fault 1:24 the file is truncated; the run was probably killed\n");
    expect("\n\n<testsuites/>\n<testsuites/>",
           "fault 4:1 a second document begins here: several reports in one file cannot be read\n");
    expect("<testsuites/>\n<?xml version='1.0'?><testsuites/>",
           "fault 2:1 a second document begins here: several reports in one file cannot be read\n");
    expect(SUITE("<testcase name='a < b'/>"),
           "fault 1:51 not well-formed XML: not well-formed (invalid token)\n");
}

static void
entities(void **state)
{
    (void)state;
    expect("<!DOCTYPE t [<!ENTITY a 'x'>]><testsuites/>",
           "fault 1:25 it declares entities (DOCTYPE), which no report needs\n");
    expect("<!DOCTYPE t SYSTEM '/etc/passwd'><testsuites/>",
           "fault 1:33 its DOCTYPE names another file, which is not opened\n");
}

static void
long_output(void **state)
{
    (void)state;
    size_t length = 3 << 20;
    char *text = malloc(length + 200);
    strcpy(text, "<testsuite><testcase name='a'><system-out><![CDATA[");
    memset(text + strlen(text), 'x', length);
    strcpy(text + 51 + length, "]]></system-out></testcase></testsuite>");
    char *lines = fixture_read(&junit_format, text, strlen(text), 65536);
    assert_string_equal(lines, "pass \"a\"\n");
    free(lines);
    free(text);
}

/* PHPUnit: a risky test does not fail the run, although the report has an error. */
static void
risky(void **state)
{
    (void)state;
    expect(
        SUITE(
            "<testcase name='a'><error type='PHPUnit\\Framework\\RiskyTestError'>a\nno assertions</error>"
            "</testcase><testcase name='b'><error type='PHPUnit\\Framework\\OutputError'>b</error></testcase>"
            "<testcase name='c'><error type='PHPUnit\\Framework\\RiskyTestError'/><failure message='f'/>"
            "</testcase><testcase name='d'><error type='PHPUnit\\Framework\\Error'>no data</error></testcase>"
            "<testcase name='e'><warning type='PHPUnit\\Framework\\Warning'>w</warning></testcase>"),
        "note a: PHPUnit calls it risky; it passed\npass \"a\"\n"
        "note b: PHPUnit calls it risky; it passed\npass \"b\"\n"
        "fail \"c\" f\nfail \"d\" no data\npass \"e\"\n");
}

static void
long_tag(void **state)
{
    (void)state;
    size_t length = 9 << 20;
    char *text = malloc(length + 100);
    strcpy(text, "<testsuite><testcase name='");
    memset(text + strlen(text), 'x', length);
    text[27 + length] = '\0';
    char *lines = fixture_read(&junit_format, text, strlen(text), 65536);
    assert_string_equal(lines, "fault 1:12 a tag or comment is longer than 8 MiB\n");
    free(lines);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_and_depth),
        cmocka_unit_test(too_deep),
        cmocka_unit_test(a_test_within_a_failure_of_its_suite),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(conflicts),
        cmocka_unit_test(times),
        cmocka_unit_test(automation_ids),
        cmocka_unit_test(errors_of_suites),
        cmocka_unit_test(names),
        cmocka_unit_test(listing),
        cmocka_unit_test(not_whole),
        cmocka_unit_test(entities),
        cmocka_unit_test(long_output),
        cmocka_unit_test(long_tag),
        cmocka_unit_test(risky),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
