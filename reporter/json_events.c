#include "reporter/json_events.h"
#include "common/log.h"
#include "common/memory.h"
#include "reporter/clean.h"
#include "reporter/encoding.h"
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define KEY_MAX     64 /* bytes; a longer key matters to no format */
#define NUMBER_MAX  64
#define IGNORED     (-1)
#define ESCAPE_SIZE 6 /* \uXXXX */

struct level {
    int kind; /* IGNORED: no rule */
    bool is_array;
    char key[KEY_MAX]; /* the last one that was read */
};

struct json_events {
    const struct json_handlers *handlers;
    void *owner;
    yajl_handle parser;
    struct encoding *encoding;
    struct buffer text;       /* decoded */
    struct buffer short_text; /* the same with long strings cut */
    struct level levels[JSON_EVENTS_DEPTH_MAX + 1];
    int depth;
    bool has_value; /* the document has begun */
    struct fault fault;
    /* Cutting strings: */
    bool in_string;
    bool was_high; /* the last escape was the first half of a surrogate pair */
    size_t string_length;
    char escape[ESCAPE_SIZE + 1];
    size_t escape_length;            /* 0: not in an escape */
    uint64_t lines, fed, line_start; /* for the place of a fault */
    uint64_t repairs;
};

/* --- the handlers of yajl --- */

static int
find_kind(const struct json_events *events, bool is_array)
{
    const struct level *level = &events->levels[events->depth];
    for (const struct json_rule *rule = events->handlers->rules; rule->kind; rule++) {
        if (rule->parent == level->kind && rule->is_array == is_array &&
            (rule->key ? !level->is_array && strcmp(rule->key, level->key) == 0
                       : level->is_array || level->kind == JSON_EVENTS_TOP)) {
            return rule->kind;
        }
    }
    return IGNORED;
}

static int
open_value(struct json_events *events, bool is_array)
{
    if (events->depth == JSON_EVENTS_DEPTH_MAX) {
        fault_set(&events->fault, "values are nested deeper than %d", JSON_EVENTS_DEPTH_MAX);
        return 0;
    }
    int kind = find_kind(events, is_array);
    events->has_value = true;
    events->depth++;
    events->levels[events->depth] = (struct level){ .kind = kind, .is_array = is_array };
    if (kind != IGNORED) {
        events->handlers->open(events->owner, kind);
    }
    return 1;
}

static int
close_value(void *context)
{
    struct json_events *events = context;
    int kind = events->levels[events->depth].kind;
    events->depth--;
    if (kind != IGNORED) {
        events->handlers->close(events->owner, kind);
    }
    return 1;
}

static int
on_open_object(void *context)
{
    return open_value(context, false);
}

static int
on_open_array(void *context)
{
    return open_value(context, true);
}

static int
on_key(void *context, const unsigned char *bytes, size_t length)
{
    struct json_events *events = context;
    struct level *level = &events->levels[events->depth];
    level->key[0] = '\0';
    if (length < KEY_MAX) {
        memcpy(level->key, bytes, length);
        level->key[length] = '\0';
    }
    return 1;
}

static int
put_scalar(struct json_events *events, const struct json_scalar *value)
{
    const struct level *level = &events->levels[events->depth];
    events->has_value = true;
    if (level->kind != IGNORED && level->kind != JSON_EVENTS_TOP) {
        events->handlers->scalar(events->owner, level->kind, level->key, value);
    }
    return 1;
}

static int
on_text(void *context, const unsigned char *bytes, size_t length)
{
    return put_scalar(context, &(struct json_scalar){ JSON_SCALAR_TEXT, (const char *)bytes, length, false });
}

static int
on_number(void *context, const char *bytes, size_t length)
{
    return put_scalar(context, &(struct json_scalar){ JSON_SCALAR_NUMBER, bytes, length, false });
}

static int
on_boolean(void *context, int truth)
{
    return put_scalar(context, &(struct json_scalar){ JSON_SCALAR_BOOLEAN, "", 0, truth != 0 });
}

static int
on_null(void *context)
{
    return put_scalar(context, &(struct json_scalar){ JSON_SCALAR_NULL, "", 0, false });
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_text,
    .yajl_start_map = on_open_object,
    .yajl_map_key = on_key,
    .yajl_end_map = close_value,
    .yajl_start_array = on_open_array,
    .yajl_end_array = close_value,
};

struct json_events *
json_events_new(const struct json_handlers *handlers, void *owner)
{
    struct json_events *events = memory_new(1, sizeof(*events));
    events->handlers = handlers;
    events->owner = owner;
    events->encoding = encoding_new(false);
    events->levels[0].kind = JSON_EVENTS_TOP;
    events->parser = yajl_alloc(&callbacks, NULL, events);
    if (!events->parser) {
        log_out_of_memory();
    }
    yajl_config(events->parser, yajl_dont_validate_strings, 1);
    return events;
}

/* --- cutting strings --- */

/* Whether the escape that `events->escape` holds is whole. */
static bool
escape_is_whole(const struct json_events *events)
{
    return events->escape_length >= 2 && (events->escape[1] != 'u' || events->escape_length == ESCAPE_SIZE);
}

/* A whole escape is kept if the string has room, or if it is the second half of a character that was kept. */
static void
end_escape(struct json_events *events)
{
    events->escape[events->escape_length] = '\0';
    bool is_second = events->was_high;
    bool is_unicode = events->escape[1] == 'u';
    events->was_high = is_unicode && strchr("dD", events->escape[2]) && strchr("89abAB", events->escape[3]);
    if (events->string_length < JSON_EVENTS_STRING_MAX || is_second) {
        buffer_append(&events->short_text, events->escape, events->escape_length);
        events->string_length++;
    } else {
        events->was_high = false;
    }
    events->escape_length = 0;
}

static void
take_in_string(struct json_events *events, char c)
{
    if (events->escape_length > 0) {
        events->escape[events->escape_length++] = c;
        if (escape_is_whole(events)) {
            end_escape(events);
        }
        return;
    }
    if (c == '\\') {
        events->escape[0] = c;
        events->escape_length = 1;
        return;
    }
    events->was_high = false;
    if (c == '"') {
        events->in_string = false;
        buffer_append(&events->short_text, &c, 1);
        return;
    }
    if ((unsigned char)c < 0x20) {
        events->repairs++;
        c = ' '; /* which JSON has escaped */
    }
    bool continues = ((unsigned char)c & 0xc0) == 0x80;
    if (events->string_length < JSON_EVENTS_STRING_MAX ||
        (continues && events->string_length < JSON_EVENTS_STRING_MAX + 4)) {
        buffer_append(&events->short_text, &c, 1);
        events->string_length++;
    } else if (!continues) {
        events->string_length = JSON_EVENTS_STRING_MAX + 4;
    }
}

/* How many bytes of a string from here on are ordinary. */
static size_t
ordinary_length(const char *bytes, size_t length)
{
    size_t i = 0;
    while (i < length && (unsigned char)bytes[i] >= 0x20 && (unsigned char)bytes[i] < 0x80 &&
           bytes[i] != '"' && bytes[i] != '\\') {
        i++;
    }
    return i;
}

static size_t
take_ordinary(struct json_events *events, const char *bytes, size_t length)
{
    size_t ordinary = ordinary_length(bytes, length);
    if (ordinary == 0) {
        return 0;
    }
    events->was_high = false;
    size_t room =
        events->string_length < JSON_EVENTS_STRING_MAX ? JSON_EVENTS_STRING_MAX - events->string_length : 0;
    if (ordinary > room) {
        buffer_append(&events->short_text, bytes, room);
        events->string_length = JSON_EVENTS_STRING_MAX + 4;
    } else {
        buffer_append(&events->short_text, bytes, ordinary);
        events->string_length += ordinary;
    }
    return ordinary;
}

static void
cut_strings(struct json_events *events)
{
    const char *bytes = buffer_text(&events->text);
    size_t length = events->text.length;
    for (size_t i = 0; i < length;) {
        if (!events->in_string) {
            const char *quote = memchr(bytes + i, '"', length - i);
            size_t plain = quote ? (size_t)(quote - bytes) - i + 1 : length - i;
            buffer_append(&events->short_text, bytes + i, plain);
            i += plain;
            events->in_string = quote != NULL;
            events->string_length = 0;
            events->was_high = false;
            continue;
        }
        size_t taken = events->escape_length == 0 ? take_ordinary(events, bytes + i, length - i) : 0;
        if (taken == 0) {
            take_in_string(events, bytes[i]);
            taken = 1;
        }
        i += taken;
    }
    buffer_reset(&events->text);
}

/* --- feeding --- */

static void
count_lines(struct json_events *events, const char *bytes, size_t length)
{
    const char *end = bytes + length;
    for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))); at++) {
        events->lines++;
        events->line_start = events->fed + (uint64_t)(at - bytes) + 1;
    }
    events->fed += length;
}

static void
describe_error(struct json_events *events, size_t consumed, struct fault *fault)
{
    const char *hint = events->handlers->hint;
    if (events->fault.text[0]) {
        *fault = events->fault;
    } else if (!events->has_value) {
        fault_set(fault, "not JSON from its start on; does it hold the output of another program?%s%s",
                  hint ? " " : "", hint ? hint : "");
        return;
    } else if (events->depth == 0) {
        fault_set(fault, "more text after the end of the document: one JSON document is expected.%s%s",
                  hint ? " " : "", hint ? hint : "");
    } else {
        fault_set(fault, "not well-formed JSON");
    }
    count_lines(events, buffer_text(&events->short_text), consumed);
    fault->line = events->lines + 1 + encoding_dropped_lines(events->encoding);
    fault->column = events->fed - events->line_start + 1;
}

static int
parse(struct json_events *events, struct fault *ret_fault)
{
    cut_strings(events);
    const unsigned char *bytes = (const unsigned char *)buffer_text(&events->short_text);
    if (events->short_text.length &&
        yajl_parse(events->parser, bytes, events->short_text.length) != yajl_status_ok) {
        size_t consumed = yajl_get_bytes_consumed(events->parser);
        describe_error(events, consumed < events->short_text.length ? consumed : events->short_text.length,
                       ret_fault);
        return -1;
    }
    count_lines(events, buffer_text(&events->short_text), events->short_text.length);
    buffer_reset(&events->short_text);
    return 0;
}

int
json_events_feed(struct json_events *events, const char *bytes, size_t length, struct fault *ret_fault)
{
    encoding_feed(events->encoding, bytes, length, &events->text);
    return parse(events, ret_fault);
}

int
json_events_finish(struct json_events *events, struct fault *ret_fault)
{
    encoding_finish(events->encoding, &events->text);
    if (parse(events, ret_fault) < 0) {
        return -1;
    }
    if (events->fed == 0) {
        fault_set(ret_fault, "the file is empty; the run was probably killed before it wrote anything");
        return -1;
    }
    if (yajl_complete_parse(events->parser) != yajl_status_ok || events->depth > 0) {
        describe_error(events, 0, ret_fault);
        if (events->depth > 0) {
            fault_set(ret_fault, "the file is truncated; the run was probably killed");
        }
        return -1;
    }
    return 0;
}

uint64_t
json_events_repairs(const struct json_events *events)
{
    return encoding_repairs(events->encoding) + events->repairs;
}

void
json_events_free(struct json_events *events)
{
    if (events) {
        yajl_free(events->parser);
        encoding_free(events->encoding);
        buffer_free(&events->text);
        buffer_free(&events->short_text);
        free(events);
    }
}

/* --- reading a scalar --- */

double
json_scalar_number(const struct json_scalar *value, double otherwise)
{
    char copy[NUMBER_MAX];
    if (value->type != JSON_SCALAR_NUMBER || value->length >= sizeof(copy)) {
        return otherwise;
    }
    memcpy(copy, value->text, value->length);
    copy[value->length] = '\0';
    return strtod(copy, NULL);
}

bool
json_scalar_is(const struct json_scalar *value, const char *text)
{
    return value->type == JSON_SCALAR_TEXT && strlen(text) == value->length &&
           memcmp(text, value->text, value->length) == 0;
}

char *
json_scalar_copy(const struct json_scalar *value, size_t limit)
{
    return value->type == JSON_SCALAR_TEXT ? clean_text(value->text, value->length, limit) : NULL;
}

char *
json_scalar_lines(const struct json_scalar *value, size_t limit)
{
    return value->type == JSON_SCALAR_TEXT ? clean_lines(value->text, value->length, limit) : NULL;
}
