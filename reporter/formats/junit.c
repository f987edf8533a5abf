#include "reporter/formats/junit.h"
#include "common/log.h"
#include "common/memory.h"
#include "reporter/buffer.h"
#include "reporter/clean.h"
#include "reporter/duration.h"
#include "reporter/sniff.h"
#include "reporter/xml.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX  8192 /* bytes of a failure's text that are looked at */
#define NOTES_MAX 5    /* of each kind */

/* What the children of a testcase say of it. */
enum sign {
    SIGN_FAILURE = 1, /* failure, error */
    SIGN_RERUN = 2,   /* a further failed attempt */
    SIGN_FLAKY = 4,   /* a failed attempt before one that passed */
    SIGN_SKIPPED = 8,
    SIGN_NOT_RUN = 16,  /* a word in status= or result= */
    SIGN_FAILED = 32,   /* the same */
    SIGN_MAY_FAIL = 64, /* Catch2's tag: a failure does not count */
    SIGN_EXCUSED = 128, /* a failure that says "Skipped:" */
    SIGN_BLOCKED = 256, /* CTest could not run it */
    SIGN_RISKY = 512    /* PHPUnit: it passed, and does not look right */
};

struct suite {
    char *name;
    char *hostname;
    struct ids ids;
};

struct testcase {
    char *name;
    char *classname;
    int64_t duration_ms;
    struct ids ids;
    unsigned signs;
    bool is_listed; /* looks like an entry of googletest's listing */
    unsigned failures;
    char *message; /* of the first failure, or of what skipped it */
};

struct junit {
    struct format_reader reader;
    struct suite suites[XML_DEPTH_MAX + 1];
    int depth;      /* of suites */
    int case_depth; /* the depth of the open testcase in the document; 0: none is open */
    struct testcase testcase;
    struct buffer text; /* of the open failure or property */
    bool takes_text;
    char *failure_message, *failure_type; /* attributes of the open failure */
    uint64_t tests, promised, promised_errors;
    bool has_suite_error;
    unsigned conflicts, listed, not_run, risky;
};

/* --- suites --- */

static uint64_t
attribute_number(const char **attributes, const char *name)
{
    const char *text = xml_attribute(attributes, name);
    return text ? strtoull(text, NULL, 10) : 0;
}

static char *
clean_attribute(const char **attributes, const char *name, size_t limit)
{
    const char *text = xml_attribute(attributes, name);
    return text ? clean_text(text, strlen(text), limit) : NULL;
}

static void
open_suite(struct junit *junit, const char **attributes)
{
    struct suite *suite = &junit->suites[junit->depth++];
    suite->name = clean_attribute(attributes, "name", CLEAN_NAME_MAX);
    suite->hostname = clean_attribute(attributes, "hostname", CLEAN_NAME_MAX);
    ids_reset(&suite->ids);
    ids_add(&suite->ids, IDS_SUITE, xml_attribute(attributes, "name"));
    junit->promised += attribute_number(attributes, "tests");
    junit->promised_errors +=
        attribute_number(attributes, "errors") + attribute_number(attributes, "failures");
}

static void
close_suite(struct junit *junit)
{
    struct suite *suite = &junit->suites[--junit->depth];
    free(suite->name);
    free(suite->hostname);
    *suite = (struct suite){ 0 };
}

/* The name of the innermost suite that has one; "" when none has. */
static const char *
suite_name(const struct junit *junit)
{
    for (int i = junit->depth; i > 0; i--) {
        if (junit->suites[i - 1].name && junit->suites[i - 1].name[0]) {
            return junit->suites[i - 1].name;
        }
    }
    return "";
}

/* --- the testcase --- */

static bool
is_word(const char *text, const char *const *words)
{
    for (; text && *words; words++) {
        if (strcasecmp(text, *words) == 0) {
            return true;
        }
    }
    return false;
}

static unsigned
status_signs(const char *text)
{
    static const char *const not_run[] = { "disabled",   "notrun",  "skipped", "ignored",
                                           "suppressed", "pending", NULL };
    static const char *const failed[] = { "failed", "fail", "failure", "error", "errored", NULL };
    return (is_word(text, not_run) ? SIGN_NOT_RUN : 0U) | (is_word(text, failed) ? SIGN_FAILED : 0U);
}

static void
open_testcase(struct junit *junit, const char **attributes)
{
    struct testcase *testcase = &junit->testcase;
    const char *classname = xml_attribute(attributes, "classname");
    const char *time = xml_attribute(attributes, "time");
    const char *status = xml_attribute(attributes, "status"), *result = xml_attribute(attributes, "result");
    classname = classname ? classname : xml_attribute(attributes, "class");
    time = time ? time : xml_attribute(attributes, "duration");
    *testcase = (struct testcase){ .name = clean_attribute(attributes, "name", CLEAN_NAME_MAX) };
    testcase->classname = classname ? clean_text(classname, strlen(classname), CLEAN_NAME_MAX) : NULL;
    testcase->duration_ms = time ? duration_of_seconds(time) : DURATION_NONE;
    testcase->signs = status_signs(status) | status_signs(result);
    testcase->is_listed = !time && !status && !result && !classname && xml_attribute(attributes, "file") &&
                          xml_attribute(attributes, "line");
    ids_reset(&testcase->ids);
    ids_add(&testcase->ids, IDS_NAME, xml_attribute(attributes, "name"));
    ids_add(&testcase->ids, IDS_CLASS, classname);
    junit->case_depth = xml_depth(junit->reader.xml);
}

/* Rules for signs that conflict. Returns whether they do so without an explanation. */
static bool
judge(const struct testcase *testcase, enum result_status *ret_status)
{
    unsigned signs = testcase->signs;
    bool is_not_run = (signs & (SIGN_SKIPPED | SIGN_NOT_RUN)) != 0;
    *ret_status = RESULT_PASS;
    if (signs & SIGN_FAILURE) {
        bool is_excused = (signs & SIGN_SKIPPED) && (signs & (SIGN_MAY_FAIL | SIGN_EXCUSED));
        *ret_status = is_excused ? RESULT_SKIPPED : RESULT_FAIL;
        return is_not_run && !is_excused;
    }
    if (is_not_run && !(signs & SIGN_RERUN)) {
        *ret_status = signs & SIGN_BLOCKED ? RESULT_BLOCKED : RESULT_SKIPPED;
    } else if (signs & (SIGN_RERUN | SIGN_FAILED)) {
        *ret_status = RESULT_FAIL;
    }
    return false;
}

static void
note(struct junit *junit, unsigned *count, const char *what)
{
    char text[CLEAN_NAME_MAX + 256];
    if ((*count)++ < NOTES_MAX) {
        const char *name = junit->testcase.name;
        snprintf(text, sizeof(text), "%s: %s", name && *name ? name : "(no name)", what);
        junit->reader.sink->note(junit->reader.sink->owner, text);
    }
}

/* The message with the number of further failures. */
static char *
full_message(const struct testcase *testcase)
{
    char *message;
    if (testcase->failures < 2 || !testcase->message) {
        return memory_duplicate(testcase->message);
    }
    if (asprintf(&message, "%s (+%u more)", testcase->message, testcase->failures - 1) < 0) {
        log_out_of_memory();
    }
    return message;
}

static void
tell_testcase(struct junit *junit, enum result_status status)
{
    struct testcase *testcase = &junit->testcase;
    const struct suite *suite = junit->depth ? &junit->suites[junit->depth - 1] : NULL;
    const char *parts[] = { suite_name(junit), suite ? suite->hostname : NULL, testcase->classname,
                            testcase->name };
    for (int i = junit->depth; i > 0; i--) {
        ids_add_all(&testcase->ids, IDS_SUITE + junit->depth - i, &junit->suites[i - 1].ids);
    }
    char *message = status == RESULT_PASS ? NULL : full_message(testcase);
    struct result result = {
        .status = status,
        .flaky = status == RESULT_PASS && (testcase->signs & SIGN_FLAKY),
        .duration_ms = testcase->duration_ms,
        .identity = result_identity(parts, sizeof(parts) / sizeof(parts[0])),
        .ids = testcase->ids,
        .name = testcase->name && *testcase->name ? testcase->name : "(no name)",
        .message = message,
    };
    junit->tests++;
    junit->reader.sink->test(junit->reader.sink->owner, &result);
    free(message);
}

static void
close_testcase(struct junit *junit)
{
    struct testcase *testcase = &junit->testcase;
    enum result_status status;
    if (judge(testcase, &status)) {
        note(junit, &junit->conflicts, "both failed and not executed; it counts as failed");
    }
    if (status == RESULT_BLOCKED) {
        note(junit, &junit->not_run, "CTest could not run it; it counts as blocked");
    }
    if ((testcase->signs & SIGN_RISKY) && status == RESULT_PASS) {
        note(junit, &junit->risky, "PHPUnit calls it risky; it passed");
    }
    if (testcase->is_listed && !testcase->signs) {
        note(junit, &junit->listed, "listed by googletest, and not executed");
    } else {
        tell_testcase(junit, status);
    }
    free(testcase->name);
    free(testcase->classname);
    free(testcase->message);
    *testcase = (struct testcase){ 0 };
    junit->case_depth = 0;
}

/* --- what stands in a testcase or beside it --- */

static void
begin_text(struct junit *junit)
{
    buffer_reset(&junit->text);
    junit->takes_text = true;
}

static void
open_failure(struct junit *junit, const char **attributes)
{
    free(junit->failure_message); /* of a failure of the suite that has this one in it */
    free(junit->failure_type);
    const char *message = xml_attribute(attributes, "message");
    junit->failure_message = message ? clean_lines(message, strlen(message), CLEAN_MESSAGE_MAX) : NULL;
    junit->failure_type = clean_attribute(attributes, "type", CLEAN_MESSAGE_MAX);
    begin_text(junit);
}

/* The message of a failure: its attribute, else the first line of its text, else its type. */
static char *
take_message(struct junit *junit)
{
    char *text = clean_first_line(buffer_text(&junit->text), junit->text.length, CLEAN_MESSAGE_MAX);
    char **choices[] = { &junit->failure_message, &text, &junit->failure_type };
    char *message = NULL;
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        if (!message && *choices[i] && **choices[i]) {
            message = *choices[i];
        } else {
            free(*choices[i]);
        }
    }
    junit->failure_message = junit->failure_type = NULL;
    junit->takes_text = false;
    return message;
}

static unsigned
sign_of(const char *name)
{
    static const struct {
        const char *name;
        unsigned sign;
    } signs[] = { { "failure", SIGN_FAILURE },    { "error", SIGN_FAILURE },
                  { "rerunFailure", SIGN_RERUN }, { "rerunError", SIGN_RERUN },
                  { "flakyFailure", SIGN_FLAKY }, { "flakyError", SIGN_FLAKY },
                  { "skipped", SIGN_SKIPPED } };
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (strcmp(signs[i].name, name) == 0) {
            return signs[i].sign;
        }
    }
    return 0;
}

/* CTest writes "skipped" also for what it could not run. */
static bool
says_not_run(const char *message)
{
    static const char *const words[] = { "Unable to find executable", "Not Run", "Failed test dependencies",
                                         "Required Files Missing", "Required files missing" };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(message, words[i])) {
            return true;
        }
    }
    return false;
}

/* PHPUnit up to 9 writes risky tests as errors, and lets the run pass all the same. These are its classes. */
static bool
is_risky(const char *type)
{
    static const char *const types[] = { "RiskyTestError",
                                         "OutputError",
                                         "CoveredCodeNotExecutedException",
                                         "MissingCoversAnnotationException",
                                         "UnintentionallyCoveredCodeError",
                                         NULL };
    static const char prefix[] = "PHPUnit\\Framework\\";
    return type && strncmp(type, prefix, strlen(prefix)) == 0 && is_word(type + strlen(prefix), types);
}

static void
close_sign(struct junit *junit, unsigned sign)
{
    struct testcase *testcase = &junit->testcase;
    bool is_only_risky = sign == SIGN_FAILURE && is_risky(junit->failure_type);
    char *message = take_message(junit);
    if (is_only_risky) {
        testcase->signs |= SIGN_RISKY;
        free(message);
        return;
    }
    const char *text = message ? message : "";
    testcase->signs |= sign;
    if (sign == SIGN_FAILURE && strncmp(text, "Skipped:", 8) == 0) {
        testcase->signs |= SIGN_EXCUSED;
    }
    if (sign == SIGN_SKIPPED && strstr(text, "!mayfail")) {
        testcase->signs |= SIGN_MAY_FAIL;
    }
    if (sign == SIGN_SKIPPED && says_not_run(text)) {
        testcase->signs |= SIGN_BLOCKED;
    }
    if (sign == SIGN_FAILURE && testcase->failures++ == 0) {
        free(testcase->message); /* what skipped it */
        testcase->message = NULL;
    }
    if (!testcase->message && sign != SIGN_FLAKY) {
        testcase->message = message;
        message = NULL;
    }
    free(message);
}

static void
close_suite_error(struct junit *junit)
{
    char *message = take_message(junit);
    junit->has_suite_error = true;
    junit->reader.sink->suite_error(junit->reader.sink->owner, suite_name(junit),
                                    message ? message : "(no message)");
    free(message);
}

/* --- elements --- */

static bool
is_suite(const char *name)
{
    return strcmp(name, "testsuite") == 0 || strcmp(name, "testsuites") == 0 || strcmp(name, "testrun") == 0;
}

static void
open_within(struct junit *junit, const char *name, const char **attributes, int depth)
{
    if (depth == 1 && sign_of(name)) {
        open_failure(junit, attributes);
    } else if (depth <= 2 && strcmp(name, "property") == 0) {
        ids_add(&junit->testcase.ids, IDS_PROPERTY, xml_attribute(attributes, "value"));
        begin_text(junit);
    } else if (depth == 2) {
        junit->takes_text = false; /* a stack trace within a rerun is no message */
    }
}

static void
on_open(void *owner, const char *name, const char **attributes)
{
    struct junit *junit = owner;
    int depth = xml_depth(junit->reader.xml);
    if (junit->case_depth) {
        open_within(junit, name, attributes, depth - junit->case_depth);
    } else if (is_suite(name) && depth == junit->depth + 1) {
        open_suite(junit, attributes);
    } else if (strcmp(name, "testcase") == 0) {
        open_testcase(junit, attributes);
    } else if (depth == junit->depth + 1 && (sign_of(name) & SIGN_FAILURE)) {
        open_failure(junit, attributes);
    }
}

static void
close_within(struct junit *junit, const char *name, int depth)
{
    if (depth == 0) {
        close_testcase(junit);
    } else if (depth == 1 && sign_of(name)) {
        close_sign(junit, sign_of(name));
    } else if (depth <= 2 && strcmp(name, "property") == 0) {
        ids_add(&junit->testcase.ids, IDS_PROPERTY, buffer_text(&junit->text));
        junit->takes_text = false;
    }
}

static void
on_close(void *owner, const char *name)
{
    struct junit *junit = owner;
    int depth = xml_depth(junit->reader.xml);
    if (junit->case_depth) {
        close_within(junit, name, depth - junit->case_depth);
    } else if (is_suite(name) && depth == junit->depth) {
        close_suite(junit);
    } else if (depth == junit->depth + 1 && (sign_of(name) & SIGN_FAILURE)) {
        close_suite_error(junit);
    }
}

static void
on_text(void *owner, const char *bytes, size_t length)
{
    struct junit *junit = owner;
    if (junit->takes_text) {
        buffer_append(&junit->text, bytes, length);
    }
}

/* --- the format --- */

static const char *const roots[] = { "testsuites", "testsuite", "testrun", NULL };

static bool
sniff(const char *head)
{
    return sniff_root(head, roots);
}

static struct format_reader *new (const struct format_sink *sink)
{
    static const struct xml_handlers handlers = { roots, on_open, on_close, on_text };
    struct junit *junit = memory_new(1, sizeof(*junit));
    junit->reader.sink = sink;
    junit->reader.xml = xml_new(&handlers, junit);
    junit->text.limit = TEXT_MAX;
    return &junit->reader;
}

/* Attributes that promise what the file does not hold are the only trace of a suite that could not start. */
static int
finish(struct format_reader *reader, struct fault *ret_fault)
{
    struct junit *junit = (struct junit *)reader;
    char text[128];
    if (format_finish_xml(reader, ret_fault) < 0) {
        return -1;
    }
    if (junit->tests == 0 && junit->promised_errors > 0 && !junit->has_suite_error) {
        reader->sink->suite_error(reader->sink->owner, "",
                                  "its attributes count errors, but it holds no test");
    } else if (junit->tests == 0 && junit->promised > 0 && junit->listed == 0) {
        snprintf(text, sizeof(text), "its attributes count tests (%llu), but it holds none",
                 (unsigned long long)junit->promised);
        reader->sink->note(reader->sink->owner, text);
    }
    return 0;
}

static void
free_reader(struct format_reader *reader)
{
    struct junit *junit = (struct junit *)reader;
    while (junit->depth > 0) {
        close_suite(junit);
    }
    free(junit->testcase.name);
    free(junit->testcase.classname);
    free(junit->testcase.message);
    free(junit->failure_message);
    free(junit->failure_type);
    buffer_free(&junit->text);
    xml_free(reader->xml);
    free(junit);
}

const struct format junit_format = {
    .name = "junit",
    .title = "JUnit XML",
    .is_xml = true,
    .sniff = sniff,
    .new = new,
    .feed = format_feed_xml,
    .finish = finish,
    .free = free_reader,
};
