#include "reporter/format.h"
#include "reporter/encoding.h"
#include "reporter/formats/cucumber.h"
#include "reporter/formats/cypress.h"
#include "reporter/formats/junit.h"
#include "reporter/formats/nunit.h"
#include "reporter/formats/playwright.h"
#include "reporter/formats/testng.h"
#include "reporter/json_events.h"
#include "reporter/xml.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct format *const formats[] = { &junit_format,   &testng_format,   &nunit_format, &playwright_format,
                                         &cypress_format, &cucumber_format, NULL };

/* Root elements of files that lie beside reports, and what they are. */
static const struct root {
    const char *name, *hint;
} roots[] = {
    { "testsuites", "this looks like JUnit XML: use --format junit" },
    { "testsuite", "this looks like JUnit XML: use --format junit" },
    { "testng-results", "this looks like TestNG: use --format testng" },
    { "test-run", "this looks like NUnit 3: use --format nunit" },
    { "test-results", "this looks like NUnit 2: use --format nunit" },
    { "failsafe-summary", "this is the summary of Maven Failsafe; its reports are the files TEST-*.xml" },
    { "coverage", "this is a coverage report" },
    { "checkstyle", "this is a Checkstyle report" },
    { "assemblies", "this looks like xUnit.net, which can also write JUnit XML" },
    { "TestRun", "this looks like a .trx file; dotnet test can also write JUnit XML or NUnit" },
    { "testExecutions", "this is SonarQube's format for test executions" },
    { "unitTest", "this is SonarQube's format for test executions" },
    { "html", "this is an HTML page" },
};

void
fault_set(struct fault *fault, const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    *fault = (struct fault){ 0 };
    vsnprintf(fault->text, sizeof(fault->text), form, arguments);
    va_end(arguments);
}

const struct format *
format_by_name(const char *name)
{
    for (size_t i = 0; formats[i]; i++) {
        if (strcmp(formats[i]->name, name) == 0) {
            return formats[i];
        }
    }
    return NULL;
}

/* The head as text, without what stands before it. */
static void
decode_head(const char *bytes, size_t length, struct buffer *text)
{
    struct encoding *encoding = encoding_new(false);
    encoding_feed(encoding, bytes, length, text);
    encoding_finish(encoding, text);
    encoding_free(encoding);
}

const struct format *
format_of_head(const char *bytes, size_t length)
{
    struct buffer text = { 0 };
    const struct format *found = NULL;
    decode_head(bytes, length, &text);
    for (size_t i = 0; formats[i] && !found; i++) {
        found = formats[i]->sniff(buffer_text(&text)) ? formats[i] : NULL;
    }
    buffer_free(&text);
    return found;
}

void
format_describe_root(const char *root, struct fault *ret_fault)
{
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        if (strcmp(roots[i].name, root) == 0) {
            fault_set(ret_fault, "its root element is <%s>; %s", root, roots[i].hint);
            return;
        }
    }
    fault_set(ret_fault, "its root element is <%.60s>, which is not this format", root);
}

void
format_describe_head(const struct format *format, const char *bytes, size_t length, struct fault *ret_fault)
{
    struct buffer text = { 0 };
    const struct format *other = format_of_head(bytes, length);
    decode_head(bytes, length, &text);
    char first = buffer_text(&text)[0];
    if (other && other != format) {
        fault_set(ret_fault, "this looks like %s: use --format %s", other->title, other->name);
    } else if (!first) {
        fault_set(ret_fault, "the file is empty; the run was probably killed before it wrote anything");
    } else if (first == '<') {
        fault_set(ret_fault, "this is XML or HTML, and %s is JSON%s", format->title,
                  strcmp(format->name, "cypress") == 0
                      ? "; Cypress with the reporter junit writes JUnit XML: use --format junit"
                      : "");
    } else {
        fault_set(ret_fault, "this is not %s", format->title);
    }
    buffer_free(&text);
}

uint64_t
format_repairs(const struct format_reader *reader)
{
    return reader->xml ? xml_repairs(reader->xml) : json_events_repairs(reader->json);
}

int
format_feed_xml(struct format_reader *reader, const char *bytes, size_t length, struct fault *ret_fault)
{
    return xml_feed(reader->xml, bytes, length, ret_fault);
}

int
format_finish_xml(struct format_reader *reader, struct fault *ret_fault)
{
    return xml_finish(reader->xml, ret_fault);
}

int
format_feed_json(struct format_reader *reader, const char *bytes, size_t length, struct fault *ret_fault)
{
    return json_events_feed(reader->json, bytes, length, ret_fault);
}

int
format_finish_json(struct format_reader *reader, struct fault *ret_fault)
{
    return json_events_finish(reader->json, ret_fault);
}
