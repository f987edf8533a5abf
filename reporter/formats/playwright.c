#include "reporter/formats/playwright.h"
#include "common/log.h"
#include "common/memory.h"
#include "reporter/clean.h"
#include "reporter/duration.h"
#include "reporter/held.h"
#include "reporter/json_events.h"
#include "reporter/sniff.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    ROOT = 1,
    SUITES,
    SUITE,
    SPECS,
    SPEC,
    TAGS,
    TESTS,
    TEST,
    ANNOTATIONS,
    ANNOTATION,
    RESULTS,
    RESULT,
    RESULT_ERROR,
    ERRORS,
    GLOBAL_ERROR
};

static const struct json_rule rules[] = {
    { JSON_EVENTS_TOP, NULL, false, ROOT },
    { ROOT, "suites", true, SUITES },
    { SUITES, NULL, false, SUITE },
    { SUITE, "suites", true, SUITES },
    { SUITE, "specs", true, SPECS },
    { SPECS, NULL, false, SPEC },
    { SPEC, "tags", true, TAGS },
    { SPEC, "tests", true, TESTS },
    { TESTS, NULL, false, TEST },
    { TEST, "annotations", true, ANNOTATIONS },
    { ANNOTATIONS, NULL, false, ANNOTATION },
    { TEST, "results", true, RESULTS },
    { RESULTS, NULL, false, RESULT },
    { RESULT, "error", false, RESULT_ERROR },
    { ROOT, "errors", true, ERRORS },
    { ERRORS, NULL, false, GLOBAL_ERROR },
    { 0, NULL, false, 0 },
};

enum verdict { VERDICT_NONE, VERDICT_EXPECTED, VERDICT_UNEXPECTED, VERDICT_FLAKY, VERDICT_SKIPPED };

struct suite {
    char *title;
    struct ids ids;
};

/* One entry of tests[]: the spec in one project. */
struct test {
    char *project;
    enum verdict verdict;
    bool is_left_out; /* annotated with skip or fixme */
    char *reason;     /* of that */
    struct ids ids;
    int64_t duration_ms;
    char *message; /* of the last attempt that failed */
};

struct playwright {
    struct format_reader reader;
    struct suite suites[JSON_EVENTS_DEPTH_MAX + 1];
    int depth;
    char *title; /* of the spec */
    struct ids spec_ids;
    bool is_ok, has_ok; /* the spec's verdict in old versions */
    struct held held;   /* the spec's tests */
    struct test test;
    char *annotation_type, *annotation_text;
    char *error_message;
    bool is_recognized;
};

/* --- the end of things --- */

static void
free_test(struct test *test)
{
    free(test->project);
    free(test->reason);
    free(test->message);
    *test = (struct test){ .duration_ms = DURATION_NONE };
    ids_reset(&test->ids);
}

static enum result_status
status_of(const struct playwright *playwright, const struct test *test)
{
    switch (test->verdict) {
    case VERDICT_EXPECTED:
    case VERDICT_FLAKY:
        return RESULT_PASS;
    case VERDICT_UNEXPECTED:
        return RESULT_FAIL;
    case VERDICT_SKIPPED: /* not annotated: interrupted, or after a failure in a serial group */
        return test->is_left_out ? RESULT_SKIPPED : RESULT_BLOCKED;
    default:
        return !playwright->has_ok ? RESULT_BLOCKED : playwright->is_ok ? RESULT_PASS : RESULT_FAIL;
    }
}

/* Holds a test; what it lacks stands at the spec, which may follow. */
static void
close_test(struct playwright *playwright)
{
    struct test *test = &playwright->test;
    struct result result = {
        .status = status_of(playwright, test),
        .flaky = test->verdict == VERDICT_FLAKY,
        .duration_ms = test->duration_ms,
        .ids = test->ids,
        .name = test->project ? test->project : "",
        .message = test->message ? test->message : test->reason,
    };
    result.message = result.status == RESULT_PASS ? NULL : result.message;
    held_add(&playwright->held, &result);
    free_test(test);
}

static void
complete(struct playwright *playwright, struct held_result *item)
{
    const char *parts[JSON_EVENTS_DEPTH_MAX + 3];
    size_t count = 0;
    const char *title = playwright->title ? playwright->title : "(no title)";
    for (int i = 0; i < playwright->depth; i++) {
        parts[count++] = playwright->suites[i].title;
    }
    parts[count++] = title;
    parts[count++] = item->name; /* the project */
    item->result.identity = result_identity(parts, count);
    ids_add_all(&item->result.ids, playwright->spec_ids.level, &playwright->spec_ids);
    for (int i = playwright->depth; i > 0; i--) {
        ids_add_all(&item->result.ids, IDS_SUITE + playwright->depth - i, &playwright->suites[i - 1].ids);
    }
    char *name = NULL;
    if (asprintf(&name, "%s%s%s%s", title, *item->name ? " (" : "", item->name, *item->name ? ")" : "") < 0) {
        log_out_of_memory();
    }
    free(item->name);
    item->name = name;
}

static void
close_spec(struct playwright *playwright)
{
    for (size_t i = 0; i < playwright->held.count; i++) {
        complete(playwright, &playwright->held.items[i]);
    }
    held_tell(&playwright->held, playwright->reader.sink);
    free(playwright->title);
    playwright->title = NULL;
}

static void
close_annotation(struct playwright *playwright)
{
    struct test *test = &playwright->test;
    const char *type = playwright->annotation_type ? playwright->annotation_type : "";
    ids_add(&test->ids, IDS_DISPLAY, playwright->annotation_text);
    if (strcmp(type, "skip") == 0 || strcmp(type, "fixme") == 0) {
        test->is_left_out = true;
        free(test->reason);
        test->reason = playwright->annotation_text;
        playwright->annotation_text = NULL;
    }
    free(playwright->annotation_type);
    free(playwright->annotation_text);
    playwright->annotation_type = playwright->annotation_text = NULL;
}

static void
close_error(struct playwright *playwright, bool is_global)
{
    const struct format_sink *sink = playwright->reader.sink;
    if (is_global) {
        sink->suite_error(sink->owner, "",
                          playwright->error_message ? playwright->error_message : "(no message)");
    } else if (playwright->error_message) {
        free(playwright->test.message);
        playwright->test.message = playwright->error_message;
        playwright->error_message = NULL;
    }
    free(playwright->error_message);
    playwright->error_message = NULL;
}

/* --- events --- */

static void
on_open(void *owner, int kind)
{
    struct playwright *playwright = owner;
    if (kind == SUITES) {
        playwright->is_recognized = true;
    } else if (kind == SUITE) {
        struct suite *suite = &playwright->suites[playwright->depth++];
        *suite = (struct suite){ 0 };
        ids_reset(&suite->ids);
    } else if (kind == SPEC) {
        ids_reset(&playwright->spec_ids);
        playwright->has_ok = false;
    } else if (kind == TEST) {
        free_test(&playwright->test);
    }
}

static void
on_close(void *owner, int kind)
{
    struct playwright *playwright = owner;
    if (kind == SUITE) {
        free(playwright->suites[--playwright->depth].title);
    } else if (kind == SPEC) {
        close_spec(playwright);
    } else if (kind == TEST) {
        close_test(playwright);
    } else if (kind == ANNOTATION) {
        close_annotation(playwright);
    } else if (kind == RESULT_ERROR || kind == GLOBAL_ERROR) {
        close_error(playwright, kind == GLOBAL_ERROR);
    }
}

static void
replace(char **text, const struct json_scalar *value, size_t limit)
{
    free(*text);
    *text = json_scalar_copy(value, limit);
}

static void
replace_message(char **text, const struct json_scalar *value)
{
    free(*text);
    *text = json_scalar_lines(value, CLEAN_MESSAGE_MAX);
}

static enum verdict
verdict_of(const struct json_scalar *value)
{
    static const struct {
        const char *name;
        enum verdict verdict;
    } verdicts[] = { { "expected", VERDICT_EXPECTED },
                     { "unexpected", VERDICT_UNEXPECTED },
                     { "flaky", VERDICT_FLAKY },
                     { "skipped", VERDICT_SKIPPED } };
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        if (json_scalar_is(value, verdicts[i].name)) {
            return verdicts[i].verdict;
        }
    }
    return VERDICT_NONE;
}

static void
take_of_spec(struct playwright *playwright, int kind, const char *key, const struct json_scalar *value)
{
    if (kind == TAGS) {
        char *tag = json_scalar_copy(value, CLEAN_NAME_MAX);
        ids_add(&playwright->spec_ids, IDS_DISPLAY, tag);
        free(tag);
    } else if (strcmp(key, "title") == 0) {
        replace(&playwright->title, value, CLEAN_NAME_MAX);
        ids_add(&playwright->spec_ids, IDS_NAME, playwright->title);
    } else if (strcmp(key, "ok") == 0 && value->type == JSON_SCALAR_BOOLEAN) {
        playwright->has_ok = true;
        playwright->is_ok = value->truth;
    }
}

static void
take_of_test(struct playwright *playwright, int kind, const char *key, const struct json_scalar *value)
{
    struct test *test = &playwright->test;
    if (kind == TEST && strcmp(key, "projectName") == 0) {
        replace(&test->project, value, CLEAN_NAME_MAX);
    } else if (kind == TEST && strcmp(key, "status") == 0) {
        test->verdict = verdict_of(value);
    } else if (kind == RESULT && strcmp(key, "duration") == 0) {
        test->duration_ms = duration_of_ms(json_scalar_number(value, -1));
    } else if (kind == ANNOTATION && strcmp(key, "type") == 0) {
        replace(&playwright->annotation_type, value, CLEAN_NAME_MAX);
    } else if (kind == ANNOTATION && strcmp(key, "description") == 0) {
        replace_message(&playwright->annotation_text, value);
    }
}

static void
on_scalar(void *owner, int kind, const char *key, const struct json_scalar *value)
{
    struct playwright *playwright = owner;
    if (kind == SUITE && strcmp(key, "title") == 0) {
        struct suite *suite = &playwright->suites[playwright->depth - 1];
        replace(&suite->title, value, CLEAN_NAME_MAX);
        ids_add(&suite->ids, IDS_SUITE, suite->title);
    } else if (kind == SPEC || kind == TAGS) {
        take_of_spec(playwright, kind, key, value);
    } else if ((kind == RESULT_ERROR || kind == GLOBAL_ERROR) && strcmp(key, "message") == 0) {
        replace_message(&playwright->error_message, value);
    } else {
        take_of_test(playwright, kind, key, value);
    }
}

/* --- the format --- */

static bool
sniff(const char *head)
{
    return sniff_first_key(head, "config") ||
           (sniff_key(head, '{', "suites") && sniff_key(head, '{', "specs") &&
            !sniff_first_key(head, "stats"));
}

static struct format_reader *new (const struct format_sink *sink)
{
    static const struct json_handlers handlers = {
        rules, "Let Playwright write to a file: PLAYWRIGHT_JSON_OUTPUT_NAME=results.json", on_open, on_close,
        on_scalar
    };
    struct playwright *playwright = memory_new(1, sizeof(*playwright));
    playwright->reader.sink = sink;
    playwright->reader.json = json_events_new(&handlers, playwright);
    return &playwright->reader;
}

static int
finish(struct format_reader *reader, struct fault *ret_fault)
{
    if (format_finish_json(reader, ret_fault) < 0) {
        return -1;
    }
    if (!((struct playwright *)reader)->is_recognized) {
        fault_set(ret_fault, "this JSON is not Playwright's: it has no suites");
        return -1;
    }
    return 0;
}

static void
free_reader(struct format_reader *reader)
{
    struct playwright *playwright = (struct playwright *)reader;
    while (playwright->depth > 0) {
        free(playwright->suites[--playwright->depth].title);
    }
    free(playwright->title);
    free(playwright->annotation_type);
    free(playwright->annotation_text);
    free(playwright->error_message);
    free_test(&playwright->test);
    held_free(&playwright->held);
    json_events_free(reader->json);
    free(playwright);
}

const struct format playwright_format = {
    .name = "playwright",
    .title = "Playwright JSON",
    .sniff = sniff,
    .new = new,
    .feed = format_feed_json,
    .finish = finish,
    .free = free_reader,
};
