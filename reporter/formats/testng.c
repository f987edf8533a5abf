#include "reporter/formats/testng.h"
#include "common/log.h"
#include "common/memory.h"
#include "reporter/buffer.h"
#include "reporter/clean.h"
#include "reporter/duration.h"
#include "reporter/held.h"
#include "reporter/sniff.h"
#include "reporter/xml.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX   8192
#define NOTES_MAX  5
#define CONFIG_MAX 64 /* failed configuration methods of a test that are kept */

/* A test-method: a test, or with is-config a set-up or tear-down. */
struct method {
    char *name, *signature, *status, *instance;
    int64_t duration_ms;
    struct ids ids;
    bool is_config, is_retried;
    char *exception; /* its class */
    char *message;
};

/* A group of elements with a name: suite, test, class. */
struct group {
    char *name;
    struct ids ids;
};

struct testng {
    struct format_reader reader;
    struct group suite, test, class;
    struct method method;
    int method_depth; /* of the open test-method; 0: none */
    struct buffer text, parameters;
    bool takes_text;
    struct held held; /* of the open class; retries and set-ups are understood at its end */
    struct failed_config {
        char *why; /* its exception's message, or class */
        char *text;
    } failed_configs[CONFIG_MAX]; /* of the open test */
    size_t failed_config_count;
    unsigned notes_partial, notes_fragments, notes_configs;
};

/* --- groups --- */

static char *
clean_attribute(const char **attributes, const char *name, size_t limit)
{
    const char *text = xml_attribute(attributes, name);
    return text ? clean_text(text, strlen(text), limit) : NULL;
}

static void
note(struct testng *testng, unsigned *count, const char *name, const char *what)
{
    char text[CLEAN_NAME_MAX + 256];
    if ((*count)++ < NOTES_MAX) {
        snprintf(text, sizeof(text), "%s: %s", name ? name : "", what);
        testng->reader.sink->note(testng->reader.sink->owner, text);
    }
}

static void
open_group(struct testng *testng, struct group *group, const char **attributes)
{
    free(group->name);
    group->name = clean_attribute(attributes, "name", CLEAN_NAME_MAX);
    ids_reset(&group->ids);
    ids_add(&group->ids, IDS_NAME, xml_attribute(attributes, "name"));
    if (xml_attribute(attributes, "url")) {
        char *url = clean_attribute(attributes, "url", CLEAN_NAME_MAX);
        note(testng, &testng->notes_fragments, url,
             "a part of the report is in that file, which is not read");
        free(url);
    }
}

static struct group *
group_of(struct testng *testng, const char *name)
{
    if (strcmp(name, "suite") == 0) {
        return &testng->suite;
    }
    if (strcmp(name, "test") == 0) {
        return &testng->test;
    }
    return strcmp(name, "class") == 0 ? &testng->class : NULL;
}

/* --- the end of a class --- */

/* An equal test that was executed to its end; it was retried, then. */
static bool
has_final(struct testng *testng, const struct held_result *attempt)
{
    bool found = false;
    for (size_t i = 0; i < testng->held.count; i++) {
        struct held_result *other = &testng->held.items[i];
        if (other->result.identity == attempt->result.identity && other->result.status != RESULT_SKIPPED) {
            other->result.flaky = other->result.status == RESULT_PASS;
            found = true;
        }
    }
    return found;
}

/* The failed configuration method that kept a test from running; NULL: none did, it was skipped on purpose or
 * because a test failed that it depends on. TestNG 7 writes the exception of the one that failed; before, a
 * test that was kept from running had no exception. */
static const struct failed_config *
find_cause(const struct testng *testng, const struct held_result *item)
{
    for (size_t i = 0; i < testng->failed_config_count; i++) {
        const struct failed_config *config = &testng->failed_configs[i];
        if (!item->message || (config->why && strcmp(config->why, item->message) == 0)) {
            return config;
        }
    }
    return NULL;
}

/* Retries are written as skipped; so are tests that a failed set-up kept from running. */
static void
end_class(struct testng *testng)
{
    for (size_t i = 0; i < testng->held.count; i++) {
        struct held_result *item = &testng->held.items[i];
        if (item->result.status != RESULT_SKIPPED) {
            continue;
        }
        bool failed_once = item->result.attempt || item->message;
        const struct failed_config *cause = find_cause(testng, item);
        if ((failed_once && has_final(testng, item)) || item->result.attempt) {
            item->is_dropped = true;
        } else if (cause) {
            item->result.status = RESULT_BLOCKED;
            free(item->message);
            item->message = memory_duplicate(cause->text);
        }
    }
    for (size_t i = 0; i < testng->held.count; i++) {
        testng->held.items[i].result.attempt = false;
    }
    held_tell(&testng->held, testng->reader.sink);
}

/* --- methods --- */

static void
open_method(struct testng *testng, const char **attributes)
{
    struct method *method = &testng->method;
    const char *duration = xml_attribute(attributes, "duration-ms");
    const char *is_config = xml_attribute(attributes, "is-config");
    const char *is_retried = xml_attribute(attributes, "retried");
    *method = (struct method){
        .name = clean_attribute(attributes, "name", CLEAN_NAME_MAX),
        .signature = clean_attribute(attributes, "signature", CLEAN_NAME_MAX),
        .status = clean_attribute(attributes, "status", 64),
        .instance = clean_attribute(attributes, "test-instance-name", CLEAN_NAME_MAX),
        .duration_ms = duration && *duration ? duration_of_ms(strtod(duration, NULL)) : DURATION_NONE,
        .is_config = is_config && strcmp(is_config, "true") == 0,
        .is_retried = is_retried && strcmp(is_retried, "true") == 0,
    };
    ids_reset(&method->ids);
    ids_add(&method->ids, IDS_NAME, xml_attribute(attributes, "name"));
    ids_add(&method->ids, IDS_DISPLAY, xml_attribute(attributes, "description"));
    ids_add(&method->ids, IDS_DISPLAY, xml_attribute(attributes, "test-instance-name"));
    buffer_reset(&testng->parameters);
    testng->method_depth = xml_depth(testng->reader.xml);
}

static enum result_status
status_of(struct testng *testng, const struct method *method)
{
    const char *status = method->status ? method->status : "";
    if (strcmp(status, "PASS") == 0) {
        return RESULT_PASS;
    }
    if (strcmp(status, "SUCCESS_PERCENTAGE_FAILURE") == 0) {
        note(testng, &testng->notes_partial, method->name,
             "failed within the share of failures that it is allowed");
        return RESULT_PASS;
    }
    if (strcmp(status, "SKIP") == 0) {
        return RESULT_SKIPPED;
    }
    return strcmp(status, "FAIL") == 0 ? RESULT_FAIL : RESULT_BLOCKED; /* it had only been started */
}

static void
keep_failed_config(struct testng *testng, const struct method *method)
{
    if (!method->status || strcmp(method->status, "FAIL") != 0 || testng->failed_config_count == CONFIG_MAX) {
        return;
    }
    struct failed_config *config = &testng->failed_configs[testng->failed_config_count];
    const char *why = method->message ? method->message : method->exception;
    if (asprintf(&config->text, "the configuration method %s failed: %s", method->name ? method->name : "",
                 why ? why : "no message") < 0) {
        log_out_of_memory();
    }
    config->why = memory_duplicate(why);
    testng->failed_config_count++;
    if (testng->notes_configs++ < NOTES_MAX) {
        testng->reader.sink->note(testng->reader.sink->owner, config->text);
    }
}

static void
forget_failed_configs(struct testng *testng)
{
    for (size_t i = 0; i < testng->failed_config_count; i++) {
        free(testng->failed_configs[i].why);
        free(testng->failed_configs[i].text);
    }
    testng->failed_config_count = 0;
}

static void
hold_test(struct testng *testng)
{
    struct method *method = &testng->method;
    const char *parts[] = { testng->suite.name,
                            testng->test.name,
                            testng->class.name,
                            method->signature,
                            method->name,
                            method->instance,
                            buffer_text(&testng->parameters) };
    ids_add_all(&method->ids, IDS_CLASS, &testng->class.ids);
    ids_add_all(&method->ids, IDS_SUITE, &testng->test.ids);
    ids_add_all(&method->ids, IDS_SUITE + 1, &testng->suite.ids);
    struct result result = {
        .status = status_of(testng, method),
        .attempt = method->is_retried,
        .duration_ms = method->duration_ms,
        .identity = result_identity(parts, sizeof(parts) / sizeof(parts[0])),
        .ids = method->ids,
        .name = method->name && *method->name ? method->name : "(no name)",
        .message = method->message ? method->message : method->exception,
    };
    result.message = result.status == RESULT_PASS ? NULL : result.message;
    if (!held_add(&testng->held, &result)) {
        end_class(testng); /* a class of that size: what was held is told as it is */
        held_add(&testng->held, &result);
    }
}

static void
free_method(struct method *method)
{
    free(method->name);
    free(method->signature);
    free(method->status);
    free(method->instance);
    free(method->exception);
    free(method->message);
    *method = (struct method){ 0 };
}

static void
close_method(struct testng *testng)
{
    if (testng->method.is_config) {
        keep_failed_config(testng, &testng->method);
    } else {
        hold_test(testng);
    }
    free_method(&testng->method);
    testng->method_depth = 0;
}

/* --- elements --- */

static void
open_within(struct testng *testng, const char *name, const char **attributes)
{
    struct method *method = &testng->method;
    if (strcmp(name, "exception") == 0 && !method->exception) {
        method->exception = clean_attribute(attributes, "class", CLEAN_MESSAGE_MAX);
    } else if (strcmp(name, "custom-attribute") == 0 || strcmp(name, "attribute") == 0) {
        ids_add(&method->ids, IDS_PROPERTY, xml_attribute(attributes, "value"));
    }
    testng->takes_text = strcmp(name, "message") == 0 || strcmp(name, "value") == 0;
    buffer_reset(&testng->text);
}

static void
on_open(void *owner, const char *name, const char **attributes)
{
    struct testng *testng = owner;
    struct group *group = group_of(testng, name);
    if (testng->method_depth) {
        open_within(testng, name, attributes);
    } else if (strcmp(name, "test-method") == 0) {
        open_method(testng, attributes);
    } else if (group) {
        open_group(testng, group, attributes);
    }
}

static void
close_within(struct testng *testng, const char *name)
{
    struct method *method = &testng->method;
    if (strcmp(name, "message") == 0 && !method->message) {
        method->message = clean_lines(buffer_text(&testng->text), testng->text.length, CLEAN_MESSAGE_MAX);
    } else if (strcmp(name, "value") == 0) {
        buffer_append(&testng->parameters, buffer_text(&testng->text), testng->text.length);
        buffer_append(&testng->parameters, "\n", 1);
    }
    testng->takes_text = false;
}

static void
on_close(void *owner, const char *name)
{
    struct testng *testng = owner;
    if (testng->method_depth == xml_depth(testng->reader.xml)) {
        close_method(testng);
    } else if (testng->method_depth) {
        close_within(testng, name);
    } else if (strcmp(name, "class") == 0) {
        end_class(testng);
    } else if (strcmp(name, "test") == 0) {
        end_class(testng);
        forget_failed_configs(testng);
    }
}

static void
on_text(void *owner, const char *bytes, size_t length)
{
    struct testng *testng = owner;
    if (testng->takes_text) {
        buffer_append(&testng->text, bytes, length);
    }
}

/* --- the format --- */

static const char *const roots[] = { "testng-results", NULL };

static bool
sniff(const char *head)
{
    return sniff_root(head, roots);
}

static struct format_reader *new (const struct format_sink *sink)
{
    static const struct xml_handlers handlers = { roots, on_open, on_close, on_text };
    struct testng *testng = memory_new(1, sizeof(*testng));
    testng->reader.sink = sink;
    testng->reader.xml = xml_new(&handlers, testng);
    testng->text.limit = testng->parameters.limit = TEXT_MAX;
    ids_reset(&testng->suite.ids);
    ids_reset(&testng->test.ids);
    ids_reset(&testng->class.ids);
    return &testng->reader;
}

static int
finish(struct format_reader *reader, struct fault *ret_fault)
{
    int result = format_finish_xml(reader, ret_fault);
    end_class((struct testng *)reader);
    return result;
}

static void
free_reader(struct format_reader *reader)
{
    struct testng *testng = (struct testng *)reader;
    free(testng->suite.name);
    free(testng->test.name);
    free(testng->class.name);
    forget_failed_configs(testng);
    free_method(&testng->method);
    held_free(&testng->held);
    buffer_free(&testng->text);
    buffer_free(&testng->parameters);
    xml_free(reader->xml);
    free(testng);
}

const struct format testng_format = {
    .name = "testng",
    .title = "TestNG",
    .is_xml = true,
    .sniff = sniff,
    .new = new,
    .feed = format_feed_xml,
    .finish = finish,
    .free = free_reader,
};
