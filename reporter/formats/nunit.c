#include "reporter/formats/nunit.h"
#include "common/memory.h"
#include "reporter/buffer.h"
#include "reporter/clean.h"
#include "reporter/duration.h"
#include "reporter/sniff.h"
#include "reporter/xml.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX  8192
#define NOTES_MAX 5

struct suite {
    char *name;
    char *message; /* of its own failure */
    struct ids ids;
    bool has_failed;      /* by itself: set-up, tear-down, loading */
    bool is_in_tear_down; /* its tests were executed */
    bool has_failed_test; /* below it */
};

struct testcase {
    char *name, *fullname;
    enum result_status status;
    int64_t duration_ms;
    struct ids ids;
    char *message;
};

struct nunit {
    struct format_reader reader;
    struct suite suites[XML_DEPTH_MAX + 1];
    int suite_depths[XML_DEPTH_MAX + 1]; /* of each open suite in the document */
    int depth;                           /* open suites */
    int case_depth;                      /* of the open test-case; 0: none */
    struct testcase testcase;
    struct buffer text;
    bool takes_text;
    char *assembly;
    unsigned warnings;
};

static char *
clean_attribute(const char **attributes, const char *name, size_t limit)
{
    const char *text = xml_attribute(attributes, name);
    return text ? clean_text(text, strlen(text), limit) : NULL;
}

static bool
attribute_is(const char **attributes, const char *name, const char *value)
{
    const char *text = xml_attribute(attributes, name);
    return text && strcmp(text, value) == 0;
}

/* --- suites --- */

static void
open_suite(struct nunit *nunit, const char **attributes)
{
    struct suite *suite = &nunit->suites[nunit->depth];
    nunit->suite_depths[nunit->depth++] = xml_depth(nunit->reader.xml);
    *suite = (struct suite){ .name = clean_attribute(attributes, "name", CLEAN_NAME_MAX) };
    ids_reset(&suite->ids);
    ids_add(&suite->ids, IDS_SUITE, xml_attribute(attributes, "name"));
    bool is_repeated =
        attribute_is(attributes, "site", "Child") || attribute_is(attributes, "site", "Parent");
    suite->has_failed = attribute_is(attributes, "result", "Failed") && !is_repeated;
    suite->is_in_tear_down = attribute_is(attributes, "site", "TearDown");
    if (attribute_is(attributes, "type", "Assembly")) {
        free(nunit->assembly);
        nunit->assembly = memory_duplicate(suite->name);
    }
}

/* A suite that failed without a test that shows it. */
static void
close_suite(struct nunit *nunit)
{
    struct suite *suite = &nunit->suites[--nunit->depth];
    const struct format_sink *sink = nunit->reader.sink;
    bool is_hidden = suite->has_failed && (suite->is_in_tear_down || !suite->has_failed_test);
    if (is_hidden && (suite->message || suite->is_in_tear_down)) {
        sink->suite_error(sink->owner, suite->name ? suite->name : "",
                          suite->message ? suite->message : "the suite failed by itself");
    }
    if (nunit->depth > 0) {
        struct suite *parent = &nunit->suites[nunit->depth - 1];
        parent->has_failed_test = parent->has_failed_test || suite->has_failed_test || is_hidden;
    }
    free(suite->name);
    free(suite->message);
    *suite = (struct suite){ 0 };
}

/* --- test cases --- */

static enum result_status
status_of(const char **attributes)
{
    static const struct {
        const char *result;
        enum result_status status;
    } statuses[] = {
        { "Passed", RESULT_PASS },          { "Success", RESULT_PASS },    { "Warning", RESULT_PASS },
        { "Failed", RESULT_FAIL },          { "Failure", RESULT_FAIL },    { "Error", RESULT_FAIL },
        { "NotRunnable", RESULT_FAIL },     { "Skipped", RESULT_SKIPPED }, { "Ignored", RESULT_SKIPPED },
        { "Inconclusive", RESULT_BLOCKED },
    };
    const char *result = xml_attribute(attributes, "result");
    for (size_t i = 0; result && i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (strcmp(statuses[i].result, result) == 0) {
            return statuses[i].status;
        }
    }
    if (attribute_is(attributes, "executed", "False")) {
        return RESULT_SKIPPED;
    }
    return attribute_is(attributes, "success", "True") ? RESULT_PASS : RESULT_FAIL;
}

static void
open_testcase(struct nunit *nunit, const char **attributes)
{
    struct testcase *testcase = &nunit->testcase;
    const char *duration = xml_attribute(attributes, "duration");
    duration = duration ? duration : xml_attribute(attributes, "time");
    *testcase = (struct testcase){
        .name = clean_attribute(attributes, "name", CLEAN_NAME_MAX),
        .fullname = clean_attribute(attributes, "fullname", CLEAN_NAME_MAX),
        .status = status_of(attributes),
        .duration_ms = duration ? duration_of_seconds(duration) : DURATION_NONE,
    };
    ids_reset(&testcase->ids);
    ids_add(&testcase->ids, IDS_NAME, xml_attribute(attributes, "name"));
    ids_add(&testcase->ids, IDS_DISPLAY, xml_attribute(attributes, "description"));
    ids_add(&testcase->ids, IDS_CLASS, xml_attribute(attributes, "classname"));
    nunit->case_depth = xml_depth(nunit->reader.xml);
    if (attribute_is(attributes, "result", "Warning") && nunit->warnings++ < NOTES_MAX) {
        char text[CLEAN_NAME_MAX + 64];
        snprintf(text, sizeof(text), "%s: passed with a warning", testcase->name ? testcase->name : "");
        nunit->reader.sink->note(nunit->reader.sink->owner, text);
    }
}

static void
free_testcase(struct testcase *testcase)
{
    free(testcase->name);
    free(testcase->fullname);
    free(testcase->message);
    *testcase = (struct testcase){ 0 };
}

static void
close_testcase(struct nunit *nunit)
{
    struct testcase *testcase = &nunit->testcase;
    const char *parts[] = { nunit->assembly, testcase->fullname, testcase->name };
    const char *name = testcase->name && *testcase->name ? testcase->name : testcase->fullname;
    for (int i = nunit->depth; i > 0; i--) {
        ids_add_all(&testcase->ids, IDS_SUITE + nunit->depth - i, &nunit->suites[i - 1].ids);
    }
    if (nunit->depth > 0 && testcase->status == RESULT_FAIL) {
        nunit->suites[nunit->depth - 1].has_failed_test = true;
    }
    struct result result = {
        .status = testcase->status,
        .duration_ms = testcase->duration_ms,
        .identity = result_identity(parts, sizeof(parts) / sizeof(parts[0])),
        .ids = testcase->ids,
        .name = name && *name ? name : "(no name)",
        .message = testcase->status == RESULT_PASS ? NULL : testcase->message,
    };
    nunit->reader.sink->test(nunit->reader.sink->owner, &result);
    free_testcase(testcase);
    nunit->case_depth = 0;
}

/* Descriptions and categories are for people; other properties are data. Names that begin with "_" are
 * NUnit's own. */
static void
take_property(struct nunit *nunit, const char **attributes)
{
    const char *name = xml_attribute(attributes, "name");
    bool is_display = name && (strcmp(name, "Description") == 0 || strcmp(name, "Category") == 0 ||
                               strcmp(name, "TestName") == 0);
    if (name && *name != '_') {
        ids_add(&nunit->testcase.ids, is_display ? IDS_DISPLAY : IDS_PROPERTY,
                xml_attribute(attributes, "value"));
    }
}

/* --- elements --- */

static void
on_open(void *owner, const char *name, const char **attributes)
{
    struct nunit *nunit = owner;
    if (strcmp(name, "message") == 0) {
        buffer_reset(&nunit->text);
        nunit->takes_text = true;
    } else if (nunit->case_depth) {
        if (strcmp(name, "property") == 0) {
            take_property(nunit, attributes);
        } else if (strcmp(name, "category") == 0) { /* of NUnit 2 */
            ids_add(&nunit->testcase.ids, IDS_DISPLAY, xml_attribute(attributes, "name"));
        }
    } else if (strcmp(name, "test-suite") == 0) {
        open_suite(nunit, attributes);
    } else if (strcmp(name, "test-case") == 0) {
        open_testcase(nunit, attributes);
    }
}

/* The message of a failure, or the reason why it was not executed. */
static void
close_message(struct nunit *nunit)
{
    char **message = nunit->case_depth  ? &nunit->testcase.message
                     : nunit->depth > 0 ? &nunit->suites[nunit->depth - 1].message
                                        : NULL;
    nunit->takes_text = false;
    if (message && !*message) {
        *message = clean_lines(buffer_text(&nunit->text), nunit->text.length, CLEAN_MESSAGE_MAX);
    }
}

static void
on_close(void *owner, const char *name)
{
    struct nunit *nunit = owner;
    int depth = xml_depth(nunit->reader.xml);
    if (strcmp(name, "message") == 0) {
        close_message(nunit);
    } else if (nunit->case_depth) {
        if (nunit->case_depth == depth) {
            close_testcase(nunit);
        }
    } else if (nunit->depth > 0 && nunit->suite_depths[nunit->depth - 1] == depth) {
        close_suite(nunit);
    }
}

static void
on_text(void *owner, const char *bytes, size_t length)
{
    struct nunit *nunit = owner;
    if (nunit->takes_text) {
        buffer_append(&nunit->text, bytes, length);
    }
}

/* --- the format --- */

static const char *const roots[] = { "test-run", "test-results", "test-suite", NULL };

static bool
sniff(const char *head)
{
    return sniff_root(head, roots);
}

static struct format_reader *new (const struct format_sink *sink)
{
    static const struct xml_handlers handlers = { roots, on_open, on_close, on_text };
    struct nunit *nunit = memory_new(1, sizeof(*nunit));
    nunit->reader.sink = sink;
    nunit->reader.xml = xml_new(&handlers, nunit);
    nunit->text.limit = TEXT_MAX;
    return &nunit->reader;
}

static void
free_reader(struct format_reader *reader)
{
    struct nunit *nunit = (struct nunit *)reader;
    for (int i = 0; i < nunit->depth; i++) {
        free(nunit->suites[i].name);
        free(nunit->suites[i].message);
    }
    free_testcase(&nunit->testcase);
    free(nunit->assembly);
    buffer_free(&nunit->text);
    xml_free(reader->xml);
    free(nunit);
}

const struct format nunit_format = {
    .name = "nunit",
    .title = "NUnit",
    .is_xml = true,
    .sniff = sniff,
    .new = new,
    .feed = format_feed_xml,
    .finish = format_finish_xml,
    .free = free_reader,
};
