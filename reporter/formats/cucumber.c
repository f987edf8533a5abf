#include "reporter/formats/cucumber.h"
#include "common/memory.h"
#include "reporter/clean.h"
#include "reporter/duration.h"
#include "reporter/held.h"
#include "reporter/json_events.h"
#include "reporter/sniff.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_MAX 5

enum kind {
    ROOT = 1,
    FEATURE,
    FEATURE_TAGS,
    FEATURE_TAG,
    ELEMENTS,
    ELEMENT,
    ELEMENT_TAGS,
    ELEMENT_TAG,
    HOOKS,
    HOOK,
    STEPS,
    STEP,
    STEP_RESULT,
    ERROR_LINES
};

static const struct json_rule rules[] = {
    { JSON_EVENTS_TOP, NULL, true, ROOT },
    { ROOT, NULL, false, FEATURE },
    { FEATURE, "tags", true, FEATURE_TAGS },
    { FEATURE_TAGS, NULL, false, FEATURE_TAG },
    { FEATURE, "elements", true, ELEMENTS },
    { ELEMENTS, NULL, false, ELEMENT },
    { ELEMENT, "tags", true, ELEMENT_TAGS },
    { ELEMENT_TAGS, NULL, false, ELEMENT_TAG },
    { ELEMENT, "before", true, HOOKS },
    { ELEMENT, "after", true, HOOKS },
    { ELEMENT, "around", true, HOOKS },
    { HOOKS, NULL, false, HOOK },
    { HOOK, "result", false, STEP_RESULT },
    { ELEMENT, "steps", true, STEPS },
    { STEPS, NULL, false, STEP },
    { STEP, "before", true, HOOKS },
    { STEP, "after", true, HOOKS },
    { STEP, "result", false, STEP_RESULT },
    { STEP_RESULT, "error_message", true, ERROR_LINES },
    { 0, NULL, false, 0 },
};

/* What steps and hooks came to, from the best to the worst. */
enum rank {
    RANK_NONE,
    RANK_PASSED,
    RANK_SKIPPED,
    RANK_UNTESTED,
    RANK_PENDING,
    RANK_UNDEFINED,
    RANK_AMBIGUOUS,
    RANK_FAILED
};

/* A scenario or a background; what it has in common with the elements that it is folded into. */
struct sum {
    enum rank worst;
    int64_t duration_ms;
    char *message; /* of the first one that failed */
};

struct cucumber {
    struct format_reader reader;
    char *uri;
    struct ids feature_ids;
    struct held held; /* of the feature, whose name and tags may come last */
    char *name, *id, *line;
    bool is_background;
    struct ids ids;
    struct sum sum, background;
    enum rank rank; /* of the open result */
    char *error_message;
    bool is_recognized, has_root, has_feature;
    unsigned empty, dropped;
};

/* --- sums --- */

static void
reset_sum(struct sum *sum)
{
    free(sum->message);
    *sum = (struct sum){ .duration_ms = DURATION_NONE };
}

static void
add_rank(struct sum *sum, enum rank rank, char **message)
{
    if (rank >= RANK_PENDING && !sum->message) {
        sum->message = *message;
        *message = NULL;
    }
    sum->worst = rank > sum->worst ? rank : sum->worst;
}

/* Background and hooks count for the scenario that follows them. */
static void
fold_background(struct cucumber *cucumber)
{
    struct sum *from = &cucumber->background, *to = &cucumber->sum;
    to->duration_ms = duration_add(from->duration_ms, to->duration_ms);
    if (from->message) {
        free(to->message);
        to->message = from->message;
        from->message = NULL;
    }
    to->worst = from->worst > to->worst ? from->worst : to->worst;
    reset_sum(from);
}

static enum rank
rank_of(const struct json_scalar *value)
{
    static const struct {
        const char *name;
        enum rank rank;
    } ranks[] = { { "passed", RANK_PASSED },       { "skipped", RANK_SKIPPED },
                  { "untested", RANK_UNTESTED },   { "pending", RANK_PENDING },
                  { "undefined", RANK_UNDEFINED }, { "ambiguous", RANK_AMBIGUOUS },
                  { "failed", RANK_FAILED },       { "error", RANK_FAILED },
                  { "hook_error", RANK_FAILED },   { "cleanup_error", RANK_FAILED } };
    for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++) {
        if (json_scalar_is(value, ranks[i].name)) {
            return ranks[i].rank;
        }
    }
    return RANK_NONE; /* "unknown" follows a failure */
}

/* A fraction is behave's, in seconds; others count nanoseconds. */
static int64_t
duration_of(const struct json_scalar *value)
{
    double number = json_scalar_number(value, -1);
    bool is_fraction = memchr(value->text, '.', value->length) || memchr(value->text, 'e', value->length);
    return duration_of_ms(is_fraction ? number * 1e3 : number / 1e6);
}

/* --- scenarios --- */

static enum result_status
status_of(enum rank rank)
{
    if (rank >= RANK_PENDING) {
        return RESULT_FAIL;
    }
    if (rank == RANK_UNTESTED) {
        return RESULT_BLOCKED;
    }
    return rank == RANK_SKIPPED ? RESULT_SKIPPED : RESULT_PASS;
}

static const char *
default_message(enum rank rank)
{
    return rank == RANK_UNDEFINED   ? "a step is undefined"
           : rank == RANK_PENDING   ? "a step is pending"
           : rank == RANK_AMBIGUOUS ? "a step is ambiguous"
                                    : NULL;
}

static void
note_empty(struct cucumber *cucumber)
{
    char text[CLEAN_NAME_MAX + 64];
    if (cucumber->empty++ < NOTES_MAX) {
        snprintf(text, sizeof(text), "%s: has no steps that were executed; it is not reported",
                 cucumber->name ? cucumber->name : "(no name)");
        cucumber->reader.sink->note(cucumber->reader.sink->owner, text);
    }
}

static void
close_scenario(struct cucumber *cucumber)
{
    fold_background(cucumber);
    const struct sum *sum = &cucumber->sum;
    if (sum->worst == RANK_NONE) {
        note_empty(cucumber);
        return;
    }
    /* The uri, which may follow, is added at the feature's end. */
    const char *parts[] = { cucumber->id, cucumber->line, cucumber->name };
    struct result result = {
        .status = status_of(sum->worst),
        .attempt = true, /* the same line again is a retry, or the same feature in another file */
        .duration_ms = sum->duration_ms,
        .identity = result_identity(parts, sizeof(parts) / sizeof(parts[0])),
        .ids = cucumber->ids,
        .name = cucumber->name && *cucumber->name ? cucumber->name : "(no name)",
        .message = sum->message ? sum->message : default_message(sum->worst),
    };
    result.message = result.status == RESULT_PASS ? NULL : result.message;
    if (!held_add(&cucumber->held, &result)) {
        cucumber->dropped++;
    }
}

static void
open_element(struct cucumber *cucumber)
{
    free(cucumber->name);
    free(cucumber->id);
    free(cucumber->line);
    cucumber->name = cucumber->id = cucumber->line = NULL;
    cucumber->is_background = false;
    ids_reset(&cucumber->ids);
    reset_sum(&cucumber->sum);
}

static void
close_element(struct cucumber *cucumber)
{
    if (!cucumber->is_background) {
        close_scenario(cucumber);
        return;
    }
    reset_sum(&cucumber->background);
    cucumber->background = cucumber->sum;
    cucumber->sum = (struct sum){ .duration_ms = DURATION_NONE };
}

/* --- features --- */

static void
open_feature(struct cucumber *cucumber)
{
    free(cucumber->uri);
    cucumber->uri = NULL;
    ids_reset(&cucumber->feature_ids);
    cucumber->has_feature = true;
}

static void
close_feature(struct cucumber *cucumber)
{
    const struct format_sink *sink = cucumber->reader.sink;
    for (size_t i = 0; i < cucumber->held.count; i++) {
        struct result *result = &cucumber->held.items[i].result;
        char digits[32];
        snprintf(digits, sizeof(digits), "%016llx", (unsigned long long)result->identity);
        const char *parts[] = { cucumber->uri, digits };
        result->identity = result_identity(parts, 2);
        ids_add_all(&result->ids, IDS_SUITE, &cucumber->feature_ids);
    }
    held_tell(&cucumber->held, sink);
    if (cucumber->background.worst >= RANK_PENDING) { /* and no scenario followed */
        sink->suite_error(sink->owner, cucumber->uri ? cucumber->uri : "",
                          cucumber->background.message ? cucumber->background.message
                                                       : "a background failed");
    }
    reset_sum(&cucumber->background);
}

/* --- events --- */

static void
on_open(void *owner, int kind)
{
    struct cucumber *cucumber = owner;
    if (kind == ROOT) {
        cucumber->has_root = true;
    } else if (kind == FEATURE) {
        open_feature(cucumber);
    } else if (kind == ELEMENTS) {
        cucumber->is_recognized = true;
    } else if (kind == ELEMENT) {
        open_element(cucumber);
    } else if (kind == STEP_RESULT) {
        cucumber->rank = RANK_NONE;
    }
}

static void
on_close(void *owner, int kind)
{
    struct cucumber *cucumber = owner;
    if (kind == FEATURE) {
        close_feature(cucumber);
    } else if (kind == ELEMENT) {
        close_element(cucumber);
    } else if (kind == STEP_RESULT) {
        add_rank(&cucumber->sum, cucumber->rank, &cucumber->error_message);
        free(cucumber->error_message);
        cucumber->error_message = NULL;
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

/* Tags are objects with a name, or with behave plain texts. */
static void
take_tag(struct ids *ids, int level, const struct json_scalar *value)
{
    char *tag = json_scalar_copy(value, CLEAN_NAME_MAX);
    ids_add(ids, level, tag);
    free(tag);
}

static void
take_of_element(struct cucumber *cucumber, const char *key, const struct json_scalar *value)
{
    if (strcmp(key, "name") == 0) {
        replace(&cucumber->name, value, CLEAN_NAME_MAX);
        ids_add(&cucumber->ids, IDS_NAME, cucumber->name);
    } else if (strcmp(key, "id") == 0) {
        replace(&cucumber->id, value, CLEAN_NAME_MAX);
    } else if (strcmp(key, "line") == 0 || strcmp(key, "location") == 0) {
        free(cucumber->line);
        cucumber->line = clean_text(value->text, value->length, CLEAN_NAME_MAX);
    } else if (strcmp(key, "type") == 0) {
        cucumber->is_background = json_scalar_is(value, "background");
    } else if (strcmp(key, "status") == 0) { /* behave's */
        char *none = NULL;
        add_rank(&cucumber->sum, rank_of(value), &none);
    }
}

static void
take_of_result(struct cucumber *cucumber, const char *key, const struct json_scalar *value)
{
    if (strcmp(key, "status") == 0) {
        cucumber->rank = rank_of(value);
    } else if (strcmp(key, "duration") == 0 && value->type == JSON_SCALAR_NUMBER) {
        cucumber->sum.duration_ms = duration_add(cucumber->sum.duration_ms, duration_of(value));
    } else if (strcmp(key, "error_message") == 0) {
        replace_message(&cucumber->error_message, value);
    }
}

static void
take_of_feature(struct cucumber *cucumber, const char *key, const struct json_scalar *value)
{
    if (strcmp(key, "name") == 0) {
        take_tag(&cucumber->feature_ids, IDS_SUITE, value);
    } else if (strcmp(key, "uri") == 0 || (strcmp(key, "location") == 0 && !cucumber->uri)) {
        replace(&cucumber->uri, value, CLEAN_NAME_MAX);
    }
}

static void
on_scalar(void *owner, int kind, const char *key, const struct json_scalar *value)
{
    struct cucumber *cucumber = owner;
    bool is_name = strcmp(key, "name") == 0;
    switch (kind) {
    case FEATURE:
        take_of_feature(cucumber, key, value);
        break;
    case FEATURE_TAG:
    case FEATURE_TAGS:
        if (is_name || kind == FEATURE_TAGS) {
            take_tag(&cucumber->feature_ids, IDS_SUITE, value);
        }
        break;
    case ELEMENT:
        take_of_element(cucumber, key, value);
        break;
    case ELEMENT_TAG:
    case ELEMENT_TAGS:
        if (is_name || kind == ELEMENT_TAGS) {
            take_tag(&cucumber->ids, IDS_DISPLAY, value);
        }
        break;
    case STEP_RESULT:
        take_of_result(cucumber, key, value);
        break;
    case ERROR_LINES:
        if (!cucumber->error_message || !*cucumber->error_message) {
            replace_message(&cucumber->error_message, value);
        }
        break;
    default:
        break;
    }
}

/* --- the format --- */

static bool
sniff(const char *head)
{
    bool is_empty = *head == '[' && head[1 + strspn(head + 1, " \t\r\n")] == ']';
    return is_empty || sniff_key(head, '[', "elements") ||
           (sniff_key(head, '[', "keyword") && sniff_key(head, '[', "name")) || sniff_key(head, '[', "uri");
}

static struct format_reader *new (const struct format_sink *sink)
{
    static const struct json_handlers handlers = {
        rules, "Lines of messages are another format: use Cucumber's formatter json", on_open, on_close,
        on_scalar
    };
    struct cucumber *cucumber = memory_new(1, sizeof(*cucumber));
    cucumber->reader.sink = sink;
    cucumber->reader.json = json_events_new(&handlers, cucumber);
    cucumber->sum.duration_ms = cucumber->background.duration_ms = DURATION_NONE;
    return &cucumber->reader;
}

static int
finish(struct format_reader *reader, struct fault *ret_fault)
{
    struct cucumber *cucumber = (struct cucumber *)reader;
    if (format_finish_json(reader, ret_fault) < 0) {
        return -1;
    }
    if (!cucumber->has_root || (cucumber->has_feature && !cucumber->is_recognized)) {
        fault_set(ret_fault, "this JSON is not Cucumber's: it has no elements");
        return -1;
    }
    if (cucumber->dropped) {
        fault_set(ret_fault, "a feature has more than %d scenarios", HELD_MAX);
        return -1;
    }
    return 0;
}

static void
free_reader(struct format_reader *reader)
{
    struct cucumber *cucumber = (struct cucumber *)reader;
    open_element(cucumber);
    reset_sum(&cucumber->background);
    free(cucumber->uri);
    free(cucumber->error_message);
    held_free(&cucumber->held);
    json_events_free(reader->json);
    free(cucumber);
}

const struct format cucumber_format = {
    .name = "cucumber",
    .title = "Cucumber JSON",
    .sniff = sniff,
    .new = new,
    .feed = format_feed_json,
    .finish = finish,
    .free = free_reader,
};
