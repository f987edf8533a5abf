#include "reporter/formats/cypress.h"
#include "common/memory.h"
#include "reporter/buffer.h"
#include "reporter/clean.h"
#include "reporter/duration.h"
#include "reporter/held.h"
#include "reporter/json_events.h"
#include "reporter/sniff.h"
#include <stdlib.h>
#include <string.h>

#define TITLES_MAX 32

/* Four shapes: Mochawesome (results, or an object suites before version 4), the reporter json of Mocha
 * (tests, passes, failures, pending), and the Module API of Cypress (runs). */
enum kind {
    ROOT = 1,
    SUITES,
    SUITE,
    SUITE_TESTS,
    SUITE_TEST,
    HOOKS,
    HOOK,
    LIST_TESTS,
    LIST_PASSES,
    LIST_FAILURES,
    LIST_PENDING,
    LISTED_TEST,
    PASSED_TEST,
    FAILED_TEST,
    PENDING_TEST,
    RUNS,
    RUN,
    RUN_SPEC,
    RUN_TESTS,
    RUN_TEST,
    RUN_TITLE,
    ATTEMPTS,
    ATTEMPT,
    ERROR
};

static const struct json_rule rules[] = {
    { JSON_EVENTS_TOP, NULL, false, ROOT },
    { ROOT, "results", true, SUITES },
    { ROOT, "suites", false, SUITE },
    { SUITES, NULL, false, SUITE },
    { SUITE, "suites", true, SUITES },
    { SUITE, "tests", true, SUITE_TESTS },
    { SUITE_TESTS, NULL, false, SUITE_TEST },
    { SUITE, "beforeHooks", true, HOOKS },
    { SUITE, "afterHooks", true, HOOKS },
    { HOOKS, NULL, false, HOOK },
    { ROOT, "tests", true, LIST_TESTS },
    { ROOT, "passes", true, LIST_PASSES },
    { ROOT, "failures", true, LIST_FAILURES },
    { ROOT, "pending", true, LIST_PENDING },
    { LIST_TESTS, NULL, false, LISTED_TEST },
    { LIST_PASSES, NULL, false, PASSED_TEST },
    { LIST_FAILURES, NULL, false, FAILED_TEST },
    { LIST_PENDING, NULL, false, PENDING_TEST },
    { ROOT, "runs", true, RUNS },
    { RUNS, NULL, false, RUN },
    { RUN, "spec", false, RUN_SPEC },
    { RUN, "tests", true, RUN_TESTS },
    { RUN_TESTS, NULL, false, RUN_TEST },
    { RUN_TEST, "title", true, RUN_TITLE },
    { RUN_TEST, "attempts", true, ATTEMPTS },
    { ATTEMPTS, NULL, false, ATTEMPT },
    { SUITE_TEST, "err", false, ERROR },
    { HOOK, "err", false, ERROR },
    { LISTED_TEST, "err", false, ERROR },
    { PASSED_TEST, "err", false, ERROR },
    { FAILED_TEST, "err", false, ERROR },
    { 0, NULL, false, 0 },
};

struct suite {
    char *title, *file;
    struct ids ids;
};

/* A test or a hook, of any shape. */
struct test {
    char *title, *full_title, *file, *message;
    enum result_status status; /* of has_status */
    bool has_status, is_skipped, is_pending, has_failed, has_passed;
    int64_t duration_ms;
    int attempts, retry;
    struct ids titles[TITLES_MAX]; /* of the Module API, the outermost first */
    size_t title_count;
};

struct cypress {
    struct format_reader reader;
    struct suite suites[JSON_EVENTS_DEPTH_MAX + 1];
    int depth;
    struct test test;
    struct held held;   /* of Mocha's tests[], until the lists tell what became of them */
    size_t cursor;      /* where the next one of a list probably is */
    char *spec;         /* of the run */
    char *root_message; /* of a launch that failed */
    bool has_failed_launch;
    bool is_recognized;
};

/* --- suites --- */

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

static void
close_suite(struct cypress *cypress)
{
    struct suite *suite = &cypress->suites[--cypress->depth];
    free(suite->title);
    free(suite->file);
    *suite = (struct suite){ 0 };
}

/* The file of the innermost suite that names one. */
static const char *
suite_file(const struct cypress *cypress)
{
    for (int i = cypress->depth; i > 0; i--) {
        if (cypress->suites[i - 1].file && *cypress->suites[i - 1].file) {
            return cypress->suites[i - 1].file;
        }
    }
    return cypress->spec;
}

/* --- tests --- */

static void
reset_test(struct test *test)
{
    free(test->title);
    free(test->full_title);
    free(test->file);
    free(test->message);
    *test = (struct test){ .duration_ms = DURATION_NONE };
}

/* A state in words and booleans. Tests that never ran, because a hook failed, have neither. */
static enum result_status
status_of(const struct test *test)
{
    if (test->is_skipped) {
        return RESULT_BLOCKED;
    }
    if (test->has_failed || (test->has_status && test->status == RESULT_FAIL)) {
        return RESULT_FAIL;
    }
    if (test->is_pending || (test->has_status && test->status == RESULT_SKIPPED)) {
        return RESULT_SKIPPED;
    }
    return test->has_passed || (test->has_status && test->status == RESULT_PASS) ? RESULT_PASS
                                                                                 : RESULT_BLOCKED;
}

static void
fill_ids(const struct cypress *cypress, struct ids *ids)
{
    const struct test *test = &cypress->test;
    ids_reset(ids);
    ids_add(ids, IDS_NAME, test->title);
    for (size_t i = test->title_count; i > 0; i--) {
        bool is_last = i == test->title_count;
        ids_add_all(ids, is_last ? IDS_NAME : IDS_SUITE + (int)(test->title_count - i) - 1,
                    &test->titles[i - 1]);
    }
    for (int i = cypress->depth; i > 0; i--) {
        ids_add_all(ids, IDS_SUITE + cypress->depth - i, &cypress->suites[i - 1].ids);
    }
    ids_add(ids, IDS_SUITE + JSON_EVENTS_DEPTH_MAX, test->full_title);
}

static void
fill_result(const struct cypress *cypress, enum result_status status, struct result *ret_result)
{
    const struct test *test = &cypress->test;
    const char *name = test->full_title && *test->full_title ? test->full_title : test->title;
    const char *parts[] = { test->file ? test->file : suite_file(cypress), name };
    *ret_result = (struct result){
        .status = status,
        .flaky = status == RESULT_PASS && (test->attempts > 1 || test->retry > 0),
        .duration_ms = test->duration_ms,
        .identity = result_identity(parts, sizeof(parts) / sizeof(parts[0])),
        .name = name && *name ? name : "(no title)",
        .message = status == RESULT_PASS || !test->message || !*test->message ? NULL : test->message,
    };
    fill_ids(cypress, &ret_result->ids);
}

static void
tell_test(struct cypress *cypress, enum result_status status)
{
    struct result result;
    fill_result(cypress, status, &result);
    cypress->reader.sink->test(cypress->reader.sink->owner, &result);
}

static bool
is_hook(const struct test *test)
{
    const char *title = test->title ? test->title : "";
    return strncmp(title, "\"before ", 8) == 0 || strncmp(title, "\"after ", 7) == 0;
}

static void
tell_hook(struct cypress *cypress)
{
    const struct test *test = &cypress->test;
    const struct format_sink *sink = cypress->reader.sink;
    sink->suite_error(sink->owner, test->title ? test->title : "a hook",
                      test->message && *test->message ? test->message : "the hook failed");
}

/* Finds the test of tests[] that an entry of a list means; equal ones are taken one after the other. */
static struct held_result *
find_listed(struct cypress *cypress, uint64_t identity)
{
    size_t count = cypress->held.count;
    for (size_t i = 0; i < count; i++) {
        size_t at = (cypress->cursor + i) % count;
        struct held_result *item = &cypress->held.items[at];
        if (item->result.attempt && item->result.identity == identity) {
            cypress->cursor = (at + 1) % count;
            return item;
        }
    }
    return NULL;
}

/* tests[] has no verdicts; `attempt` marks those that no list has named yet. */
static void
hold_listed(struct cypress *cypress)
{
    struct result result;
    fill_result(cypress, RESULT_BLOCKED, &result);
    result.message = NULL;
    struct held_result *item = held_add(&cypress->held, &result);
    if (item) {
        item->result.attempt = true;
    }
}

static void
settle_listed(struct cypress *cypress, enum result_status status)
{
    struct result result;
    fill_result(cypress, status, &result);
    struct held_result *item = find_listed(cypress, result.identity);
    if (item) {
        item->result.status = status;
        item->result.attempt = false;
        item->result.flaky = result.flaky;
        item->result.duration_ms = result.duration_ms;
        free(item->message);
        item->message = memory_duplicate(result.message);
    } else if (status == RESULT_FAIL && is_hook(&cypress->test)) {
        tell_hook(cypress);
    } else {
        tell_test(cypress, status);
    }
}

/* --- events --- */

static void
on_open(void *owner, int kind)
{
    struct cypress *cypress = owner;
    if (kind == SUITE) {
        struct suite *suite = &cypress->suites[cypress->depth++];
        *suite = (struct suite){ 0 };
        ids_reset(&suite->ids);
    }
    if (kind == SUITES || kind == SUITE || kind == LIST_TESTS || kind == LIST_PASSES || kind == RUNS) {
        cypress->is_recognized = true;
    } else if (kind == SUITE_TEST || kind == HOOK || kind == RUN_TEST ||
               (kind >= LISTED_TEST && kind <= PENDING_TEST)) {
        reset_test(&cypress->test);
    } else if (kind == ATTEMPT) {
        cypress->test.attempts++;
    } else if (kind >= LIST_PASSES && kind <= LIST_PENDING) {
        cypress->cursor = 0;
    }
}

static void
on_close(void *owner, int kind)
{
    struct cypress *cypress = owner;
    switch (kind) {
    case SUITE:
        close_suite(cypress);
        break;
    case SUITE_TEST:
    case RUN_TEST:
        tell_test(cypress, status_of(&cypress->test));
        break;
    case HOOK:
        if (status_of(&cypress->test) == RESULT_FAIL) {
            tell_hook(cypress);
        }
        break;
    case LISTED_TEST:
        hold_listed(cypress);
        break;
    case PASSED_TEST:
        settle_listed(cypress, RESULT_PASS);
        break;
    case FAILED_TEST:
        settle_listed(cypress, RESULT_FAIL);
        break;
    case PENDING_TEST:
        settle_listed(cypress, RESULT_SKIPPED);
        break;
    case RUN:
        free(cypress->spec);
        cypress->spec = NULL;
        break;
    default:
        break;
    }
}

static void
take_state(struct test *test, bool is_of_module, const struct json_scalar *value)
{
    test->has_status = true;
    if (json_scalar_is(value, "passed")) {
        test->status = RESULT_PASS;
    } else if (json_scalar_is(value, "failed")) {
        test->status = RESULT_FAIL;
    } else if (json_scalar_is(value, "pending")) {
        test->status = RESULT_SKIPPED;
    } else if (is_of_module && json_scalar_is(value, "skipped")) {
        test->is_skipped = true; /* a hook failed */
    } else {
        test->has_status = false;
    }
}

/* The members of tests and hooks, which all shapes share. */
static void
take_of_test(struct cypress *cypress, int kind, const char *key, const struct json_scalar *value)
{
    struct test *test = &cypress->test;
    const struct {
        const char *key;
        bool *flag;
    } flags[] = { { "skipped", &test->is_skipped },
                  { "pending", &test->is_pending },
                  { "fail", &test->has_failed },
                  { "pass", &test->has_passed } };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(key, flags[i].key) == 0 && value->type == JSON_SCALAR_BOOLEAN) {
            *flags[i].flag = value->truth;
        }
    }
    if (strcmp(key, "title") == 0) {
        replace(&test->title, value, CLEAN_NAME_MAX);
    } else if (strcmp(key, "fullTitle") == 0) {
        replace(&test->full_title, value, CLEAN_NAME_MAX);
    } else if (strcmp(key, "file") == 0) {
        replace(&test->file, value, CLEAN_NAME_MAX);
    } else if (strcmp(key, "state") == 0) {
        take_state(test, kind == RUN_TEST, value);
    } else if (strcmp(key, "duration") == 0) {
        test->duration_ms = duration_of_ms(json_scalar_number(value, -1));
    } else if (strcmp(key, "currentRetry") == 0) {
        test->retry = json_scalar_number(value, 0) > 0;
    } else if (strcmp(key, "displayError") == 0) {
        replace_message(&test->message, value);
    }
}

/* One title of the path that the Module API gives. */
static void
take_title(struct test *test, const struct json_scalar *value)
{
    struct buffer full = { .limit = CLEAN_NAME_MAX };
    char *title = json_scalar_copy(value, CLEAN_NAME_MAX);
    if (title && test->title_count < TITLES_MAX) {
        struct ids *ids = &test->titles[test->title_count++];
        ids_reset(ids);
        ids_add(ids, IDS_NAME, title);
    }
    if (title) {
        if (test->full_title) {
            buffer_append(&full, test->full_title, strlen(test->full_title));
            buffer_append(&full, " ", 1);
        }
        buffer_append(&full, title, strlen(title));
        free(test->full_title);
        test->full_title = clean_text(buffer_text(&full), full.length, CLEAN_NAME_MAX);
    }
    buffer_free(&full);
    free(title);
}

static void
take_of_root(struct cypress *cypress, const char *key, const struct json_scalar *value)
{
    if (strcmp(key, "message") == 0) {
        replace_message(&cypress->root_message, value);
    } else if (strcmp(key, "status") == 0) {
        cypress->has_failed_launch = json_scalar_is(value, "failed");
    }
}

static void
take_of_suite(struct cypress *cypress, const char *key, const struct json_scalar *value)
{
    struct suite *suite = &cypress->suites[cypress->depth - 1];
    if (strcmp(key, "title") == 0) {
        replace(&suite->title, value, CLEAN_NAME_MAX);
        ids_add(&suite->ids, IDS_SUITE, suite->title);
    } else if (strcmp(key, "file") == 0) {
        replace(&suite->file, value, CLEAN_NAME_MAX);
    }
}

static void
take_run_error(struct cypress *cypress, const struct json_scalar *value)
{
    const struct format_sink *sink = cypress->reader.sink;
    char *message = json_scalar_copy(value, CLEAN_MESSAGE_MAX);
    if (message && *message) {
        sink->suite_error(sink->owner, cypress->spec ? cypress->spec : "", message);
    }
    free(message);
}

static void
on_scalar(void *owner, int kind, const char *key, const struct json_scalar *value)
{
    struct cypress *cypress = owner;
    switch (kind) {
    case ROOT:
        take_of_root(cypress, key, value);
        break;
    case SUITE:
        take_of_suite(cypress, key, value);
        break;
    case RUN:
        if (strcmp(key, "error") == 0) {
            take_run_error(cypress, value);
        }
        break;
    case RUN_SPEC:
        if (strcmp(key, "relative") == 0 || (strcmp(key, "name") == 0 && !cypress->spec)) {
            replace(&cypress->spec, value, CLEAN_NAME_MAX);
        }
        break;
    case RUN_TITLE:
        take_title(&cypress->test, value);
        break;
    case ERROR:
        if (strcmp(key, "message") == 0) {
            replace_message(&cypress->test.message, value);
        }
        break;
    case ATTEMPT:
        if (strcmp(key, "duration") == 0 || strcmp(key, "wallClockDuration") == 0) {
            cypress->test.duration_ms = duration_of_ms(json_scalar_number(value, -1));
        }
        break;
    case SUITE_TEST:
    case HOOK:
    case RUN_TEST:
    case LISTED_TEST:
    case PASSED_TEST:
    case FAILED_TEST:
    case PENDING_TEST:
        take_of_test(cypress, kind, key, value);
        break;
    default:
        break;
    }
}

/* --- the format --- */

static bool
sniff(const char *head)
{
    return sniff_first_key(head, "stats") || sniff_key(head, '{', "runs") ||
           sniff_key(head, '{', "cypressVersion") ||
           (sniff_key(head, '{', "failures") && sniff_key(head, '{', "status") &&
            sniff_key(head, '{', "message"));
}

static struct format_reader *new (const struct format_sink *sink)
{
    static const struct json_handlers handlers = { rules, NULL, on_open, on_close, on_scalar };
    struct cypress *cypress = memory_new(1, sizeof(*cypress));
    cypress->reader.sink = sink;
    cypress->reader.json = json_events_new(&handlers, cypress);
    return &cypress->reader;
}

static int
finish(struct format_reader *reader, struct fault *ret_fault)
{
    struct cypress *cypress = (struct cypress *)reader;
    if (format_finish_json(reader, ret_fault) < 0) {
        return -1;
    }
    for (size_t i = 0; i < cypress->held.count; i++) {
        cypress->held.items[i].result.attempt = false;
    }
    held_tell(&cypress->held, reader->sink);
    if (cypress->has_failed_launch) {
        reader->sink->suite_error(reader->sink->owner, "",
                                  cypress->root_message ? cypress->root_message : "Cypress could not start");
    } else if (!cypress->is_recognized) {
        fault_set(ret_fault, "this JSON is none that Cypress writes: it has no results, tests or runs");
        return -1;
    }
    return 0;
}

static void
free_reader(struct format_reader *reader)
{
    struct cypress *cypress = (struct cypress *)reader;
    while (cypress->depth > 0) {
        close_suite(cypress);
    }
    reset_test(&cypress->test);
    held_free(&cypress->held);
    free(cypress->spec);
    free(cypress->root_message);
    json_events_free(reader->json);
    free(cypress);
}

const struct format cypress_format = {
    .name = "cypress",
    .title = "Cypress JSON",
    .sniff = sniff,
    .new = new,
    .feed = format_feed_json,
    .finish = finish,
    .free = free_reader,
};
