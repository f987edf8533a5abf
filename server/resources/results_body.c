#include "server/resources/results_body.h"
#include "common/json.h"
#include "common/memory.h"
#include "common/pasted_secret.h"
#include "common/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define NODES_MAX          (RESULTS_MAX * 6 + 100)
#define NAME_CHARACTERS    4096
#define MESSAGE_CHARACTERS 4096
#define BUILD_CHARACTERS   500
#define ID_DIGITS          10
#define STATUSES           "pass|fail|blocked|skipped"
#define GZIP_WINDOW        (15 + 16) /* zlib's largest window, in gzip's frame */

/* --- text that grows --- */

struct text {
    char *bytes;
    size_t length, room;
};

static void
append(struct text *text, const char *bytes, size_t length)
{
    if (text->length + length + 1 > text->room) {
        text->room = (text->length + length + 1) * 2;
        text->bytes = memory_resize(text->bytes, text->room, 1);
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

/* An element of PostgreSQL's array form: quoted, with a backslash before quotes and backslashes. */
static void
append_quoted(struct text *text, const char *bytes, size_t length)
{
    append(text, "\"", 1);
    for (const char *at = bytes, *end = bytes + length; at < end;) {
        size_t plain = 0;
        while (at + plain < end && at[plain] != '"' && at[plain] != '\\') {
            plain++;
        }
        append(text, at, plain);
        at += plain;
        if (at < end) {
            append(text, "\\", 1);
            append(text, at++, 1);
        }
    }
    append(text, "\"", 1);
}

/* --- inflating --- */

static void
refuse(struct results_body *body, enum problem_code code, const char *detail)
{
    if (body->problem.code == PROBLEM_NONE) {
        problem_set(&body->problem, code, detail);
    }
}

/* Inflates the body into `stream`'s room. Returns zlib's last status. */
static int
inflate_all(z_stream *stream)
{
    if (inflateInit2(stream, GZIP_WINDOW) != Z_OK) {
        return Z_MEM_ERROR;
    }
    int status = inflate(stream, Z_FINISH);
    bool has_rest = stream->avail_in > 0;
    inflateEnd(stream);
    return status == Z_STREAM_END && has_rest ? Z_DATA_ERROR : status;
}

static void
inflate_body(struct results_body *body)
{
    unsigned char *out = memory_new(RESULTS_BODY_MAX + 1, 1); /* a byte more than a body may have */
    z_stream stream = { .next_in = (unsigned char *)body->bytes,
                        .avail_in = (unsigned)body->length,
                        .next_out = out,
                        .avail_out = (unsigned)RESULTS_BODY_MAX + 1 };
    int status = inflate_all(&stream);
    size_t length = RESULTS_BODY_MAX + 1 - stream.avail_out;
    if (length > RESULTS_BODY_MAX) {
        refuse(body, PROBLEM_PAYLOAD_TOO_LARGE,
               "The body inflates to more than 16 MiB; send the results in several parts.");
    } else if (status != Z_STREAM_END) {
        refuse(body, PROBLEM_BAD_REQUEST, "The body is not valid gzip; compress it again.");
    }
    free(body->bytes);
    body->bytes = (char *)out;
    body->length = length;
}

/* --- checking --- */

/* Where in the body a value is, for the names of refused fields. */
struct place {
    struct results_body *body;
    const struct json_value *object;
    const char *prefix; /* "" or "results[17]." or "build." */
};

static void
refuse_field(const struct place *place, const char *name, const char *detail)
{
    char field[96];
    snprintf(field, sizeof(field), "%s%.60s", place->prefix, name);
    if (place->body->problem.code == PROBLEM_NONE) {
        problem_set(&place->body->problem, PROBLEM_VALIDATION_FAILED, NULL);
    }
    problem_add_error(&place->body->problem, field, detail);
}

static void
refuse_unknown(const struct place *place, const char *known)
{
    const char *key;
    for (size_t i = 0; json_at(place->object, i, &key); i++) {
        if (!text_is_choice(key, known)) {
            refuse_field(place, key, "is not a property of this request");
        }
    }
}

/* The member, if it is there and of that type; else refuses it, or its absence if it is required. */
static const struct json_value *
find(const struct place *place, const char *name, enum json_type type, bool required, const char *refusal)
{
    const struct json_value *value = json_member(place->object, name);
    if (!value ? required : json_type(value) != type) {
        refuse_field(place, name, value ? refusal : "is required");
    }
    return value && json_type(value) == type ? value : NULL;
}

static size_t
count_characters(const char *bytes, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += ((unsigned char)bytes[i] & 0xC0) != 0x80;
    }
    return count;
}

/* A text of at most `most` characters; NULL when it is absent or refused. */
static const char *
find_text(const struct place *place, const char *name, size_t most, size_t *ret_length)
{
    const struct json_value *value =
        find(place, name, JSON_STRING, false, "must be a string without the character U+0000");
    const char *text = value ? json_string(value, ret_length) : NULL;
    if (text && count_characters(text, *ret_length) > most) {
        char refusal[64];
        snprintf(refusal, sizeof(refusal), "must have at most %zu characters", most);
        refuse_field(place, name, refusal);
        return NULL;
    }
    return text;
}

/* --- reading --- */

static int64_t
read_numbered(const struct place *place, const char *name, const char *prefix, bool required,
              const char *refusal)
{
    const struct json_value *value = find(place, name, JSON_STRING, required, refusal);
    int64_t number = 0;
    size_t length;
    const char *text = value ? json_string(value, &length) : NULL;
    if (text && !text_to_numbered(text, length, prefix, &number)) {
        refuse_field(place, name, refusal);
    }
    return number;
}

/* A copy in which secrets are masked; NULL when there are none. Names and messages come from the output of
 * tests, and all members of the project read them, so one secret must not cost the upload either. */
static char *
mask_copy(const char *text, size_t length)
{
    if (!pasted_secret_find(text, length, NULL)) {
        return NULL;
    }
    char *copy = memory_copy_text(text, length);
    pasted_secret_mask(copy);
    return copy;
}

static void
read_build(const struct place *root)
{
    static const char *const members[] = { "id", "number", "url", "branch", "commit", "provider" };
    const struct json_value *value = find(root, "build", JSON_OBJECT, false, "must be an object");
    struct json_writer *writer = json_writer_new();
    json_open_object(writer);
    if (value) {
        const struct place build = { root->body, value, "build." };
        refuse_unknown(&build, "id|number|url|branch|commit|provider");
        for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
            size_t length;
            const char *text = find_text(&build, members[i], BUILD_CHARACTERS, &length);
            if (text && strcmp(members[i], "url") == 0 && text_link_refusal(text, length)) {
                refuse_field(&build, "url", text_link_refusal(text, length));
            } else if (text) {
                char *masked = mask_copy(text, length);
                json_text_member(writer, members[i], masked ? masked : text);
                free(masked);
            }
        }
    }
    json_close_object(writer);
    size_t length;
    const char *bytes = json_writer_bytes(writer, &length);
    root->body->build = memory_copy_text(bytes, length);
    json_writer_free(writer);
}

/* The columns while they are made. */
struct columns {
    struct text automation_ids, statuses, names, durations, messages;
};

/* A number, or digits in a string as they stand in the names of tests: "00042" names no test case, and is
 * unmatched like any other number that is none. */
static int64_t
read_automation_id(const struct place *result)
{
    const struct json_value *value = json_member(result->object, "automationId");
    int64_t id = -1;
    size_t length;
    if (value && json_type(value) == JSON_INTEGER) {
        id = json_integer(value);
    } else if (value && json_type(value) == JSON_STRING) {
        const char *text = json_string(value, &length);
        size_t zeros = strspn(text, "0");
        zeros -= zeros == length && zeros > 0;
        id = length <= ID_DIGITS && text_to_id(text + zeros, length - zeros, &id) ? id : -1;
    }
    if (id < 0 || id > INT32_MAX) {
        refuse_field(result, "automationId",
                     value ? "must be the automation id of a test case, such as 48271" : "is required");
    }
    return id;
}

static void
append_number(struct text *text, int64_t number)
{
    char digits[TEXT_NUMBER_SIZE];
    append(text, digits, text_number(number, digits));
}

static void
append_text(struct text *column, const struct place *result, const char *name, size_t most)
{
    size_t length;
    const char *text = find_text(result, name, most, &length);
    if (text) {
        char *masked = mask_copy(text, length);
        append_quoted(column, masked ? masked : text, masked ? strlen(masked) : length);
        free(masked);
    } else {
        append(column, "NULL", 4);
    }
}

static void
read_result(struct columns *columns, const struct place *result)
{
    refuse_unknown(result, "automationId|status|name|durationMs|message");
    append_number(&columns->automation_ids, read_automation_id(result));
    const char *refusal = "must be pass, fail, blocked or skipped";
    const struct json_value *status = find(result, "status", JSON_STRING, true, refusal);
    size_t length = 0;
    const char *text = status ? json_string(status, &length) : "";
    if (status && !text_is_choice(text, STATUSES)) {
        refuse_field(result, "status", refusal);
    }
    append_quoted(&columns->statuses, text, length);
    append_text(&columns->names, result, "name", NAME_CHARACTERS);
    append_text(&columns->messages, result, "message", MESSAGE_CHARACTERS);
    const char *whole = "must be a whole number of milliseconds from 0";
    const struct json_value *duration = find(result, "durationMs", JSON_INTEGER, false, whole);
    if (duration && json_integer(duration) < 0) {
        refuse_field(result, "durationMs", whole);
    }
    if (duration) {
        append_number(&columns->durations, json_integer(duration));
    } else {
        append(&columns->durations, "NULL", 4);
    }
}

static void
append_to_all(struct columns *columns, const char *text)
{
    append(&columns->automation_ids, text, 1);
    append(&columns->statuses, text, 1);
    append(&columns->names, text, 1);
    append(&columns->durations, text, 1);
    append(&columns->messages, text, 1);
}

static void
read_results(const struct place *root)
{
    struct results_body *body = root->body;
    const struct json_value *results = find(root, "results", JSON_ARRAY, true, "must be an array");
    struct columns columns = { 0 };
    size_t count = results ? json_count(results) : 0;
    if (count > RESULTS_MAX) {
        refuse_field(root, "results", "must have at most 50000 elements; send them in several requests");
        count = 0;
    }
    append_to_all(&columns, "{");
    for (size_t i = 0; i < count && body->problem.error_count < PROBLEM_ERRORS_MAX; i++) {
        char prefix[32];
        snprintf(prefix, sizeof(prefix), "results[%zu].", i);
        const struct place result = { body, json_at(results, i, NULL), prefix };
        if (json_type(result.object) != JSON_OBJECT) {
            snprintf(prefix, sizeof(prefix), "results[%zu]", i);
            refuse_field(&result, "", "must be an object");
            continue;
        }
        if (i > 0) {
            append_to_all(&columns, ",");
        }
        read_result(&columns, &result);
    }
    append_to_all(&columns, "}");
    body->automation_ids = columns.automation_ids.bytes;
    body->statuses = columns.statuses.bytes;
    body->names = columns.names.bytes;
    body->durations = columns.durations.bytes;
    body->messages = columns.messages.bytes;
}

static void
read_document(struct results_body *body, const struct json_value *object)
{
    const struct place root = { body, object, "" };
    refuse_unknown(&root, "orgId|projectId|cycleId|build|results|dryRun");
    const struct json_value *organization =
        find(&root, "orgId", JSON_INTEGER, true, "must be the organization's number");
    body->organization = organization ? json_integer(organization) : 0;
    body->project = read_numbered(&root, "projectId", TEXT_PROJECT_PREFIX, true, "must be such as PRJ-1");
    body->cycle = json_member(object, "cycleId")
                      ? read_numbered(&root, "cycleId", TEXT_CYCLE_PREFIX, true, "must be such as TCYCLE-1")
                      : 1;
    const struct json_value *dry_run = find(&root, "dryRun", JSON_BOOLEAN, false, "must be true or false");
    body->is_dry_run = dry_run && json_boolean(dry_run);
    read_build(&root);
    read_results(&root);
}

void
results_body_read(struct results_body *body)
{
    if (body->is_gzip) {
        inflate_body(body);
    }
    if (body->problem.code != PROBLEM_NONE) {
        return;
    }
    struct json_document *document;
    const char *error;
    secret_digest(body->bytes, body->length, NULL, body->digest);
    if (json_read_up_to(NODES_MAX, body->bytes, body->length, &document, &error) < 0) {
        refuse(body, PROBLEM_MALFORMED_JSON, error);
        return;
    }
    if (json_type(json_root(document)) == JSON_OBJECT) {
        read_document(body, json_root(document));
    } else {
        refuse(body, PROBLEM_VALIDATION_FAILED, "The body must be a JSON object.");
    }
    json_free(document);
    free(body->bytes);
    body->bytes = NULL;
}

/* --- life --- */

struct results_body *
results_body_new(const char *bytes, size_t length, bool is_gzip)
{
    struct results_body *body = memory_new(1, sizeof(*body));
    body->bytes = memory_copy_text(bytes, length);
    body->length = length;
    body->is_gzip = is_gzip;
    return body;
}

void
results_body_free(struct results_body *body)
{
    if (!body) {
        return;
    }
    free(body->bytes);
    free(body->build);
    free(body->automation_ids);
    free(body->statuses);
    free(body->names);
    free(body->durations);
    free(body->messages);
    free(body);
}
