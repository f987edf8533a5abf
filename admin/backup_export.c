#include "admin/backup_export.h"
#include "common/memory.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX 4000000 /* in one document */
#define CHUNK      65536

struct reader {
    struct backup_export *export;
    char *error;
    size_t error_size;
};

/* A member that end_again() takes, and where an event has it. */
struct member {
    const char *name;      /* as in the API */
    const char *column;    /* of ops.audit_trail */
    const char *in_detail; /* NULL: not there */
    enum json_type type;
    bool required;
};

static const struct member members[] = {
    { "organizationId", "organization_id", NULL, JSON_INTEGER, true },
    { "targetId", "target_id", NULL, JSON_INTEGER, true },
    { "occurredAt", "occurred_at", NULL, JSON_STRING, true },
    { "preview", "preview", NULL, JSON_STRING, false },
    { "ownerId", "owner_id", "ownerId", JSON_INTEGER, false },
    { "reason", "reason", "reason", JSON_STRING, false },
    { "orgRole", "org_role", "orgRole", JSON_STRING, false },
    { "memberId", "member_id", "userId", JSON_INTEGER, false },
    { "role", "role", "role", JSON_STRING, false },
};

static const char *const taken_actions[] = {
    "api_key.created",   "api_key.revoked",       "api_key.expired",    "user.created",
    "user.deactivated",  "user.deleted",          "user.reactivated",   "user.updated",
    "user.password_set", "user.password_changed", "project.member_set", "project.member_removed",
};

static int
refuse(struct reader *reader, const char *sentence, const char *what)
{
    snprintf(reader->error, reader->error_size, "event %lld of the export %s%s",
             (long long)reader->export->read, sentence, what);
    return -1;
}

static bool
is_taken(const char *action)
{
    for (size_t i = 0; i < sizeof(taken_actions) / sizeof(taken_actions[0]); i++) {
        if (strcmp(taken_actions[i], action) == 0) {
            return true;
        }
    }
    return false;
}

/* The member, or NULL when the event has none or null. A change is an array in "detail": [old, new]. */
static const struct json_value *
find_member(const struct json_value *event, const struct member *member)
{
    const struct json_value *value = json_member(event, member->name);
    const struct json_value *detail = json_member(event, "detail");
    value = value ? value : json_member(event, member->column);
    if (!value && detail && member->in_detail) {
        value = json_member(detail, member->in_detail);
        value = value && json_type(value) == JSON_ARRAY ? json_at(value, 1, NULL) : value;
    }
    return value && json_type(value) == JSON_NULL ? NULL : value;
}

static int
write_event(struct reader *reader, const struct json_value *event, const char *action)
{
    struct json_writer *writer = reader->export->writer;
    json_open_object(writer);
    json_text_member(writer, "action", action);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const struct json_value *value = find_member(event, &members[i]);
        if (!value && !members[i].required) {
            continue;
        }
        if (!value || json_type(value) != members[i].type) {
            return refuse(reader, value ? "has another type of value than the audit log: " : "lacks ",
                          members[i].column);
        }
        if (members[i].type == JSON_INTEGER) {
            json_integer_member(writer, members[i].name, json_integer(value));
        } else {
            json_text_member(writer, members[i].name, json_string(value, NULL));
        }
    }
    json_close_object(writer);
    reader->export->taken++;
    return 0;
}

static int
take_event(struct reader *reader, const struct json_value *event)
{
    reader->export->read++;
    const struct json_value *action = json_member(event, "action");
    if (!action || json_type(action) != JSON_STRING) {
        return refuse(reader, "lacks ", "action: it is no event of the audit log");
    }
    const char *name = json_string(action, NULL);
    return is_taken(name) ? write_event(reader, event, name) : 0;
}

/* Takes an event, an array of them, or an object with such an array as its member "data". */
static int
take_value(struct reader *reader, const struct json_value *value)
{
    const struct json_value *data = json_member(value, "data");
    const struct json_value *list = data ? data : value;
    if (json_type(list) != JSON_ARRAY) {
        return take_event(reader, value);
    }
    for (size_t i = 0; i < json_count(list); i++) {
        if (take_event(reader, json_at(list, i, NULL)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Takes one document. Returns 1 when it is no JSON, with the reason. */
static int
take_document(struct reader *reader, const char *bytes, size_t length)
{
    struct json_document *document;
    const char *reason;
    if (json_read_up_to(VALUES_MAX, bytes, length, &document, &reason) < 0) {
        snprintf(reader->error, reader->error_size, "the export is not JSON, after %lld events: %s",
                 (long long)reader->export->read, reason);
        return 1;
    }
    int outcome = take_value(reader, json_root(document));
    json_free(document);
    return outcome;
}

/* Takes each line that is not blank as a document; or all as one, when it does not begin with a line that is
 * one. */
static int
take_lines(struct reader *reader, const char *bytes, size_t length)
{
    bool is_first = true;
    for (const char *line = bytes, *end = bytes + length; line < end;) {
        const char *found = memchr(line, '\n', (size_t)(end - line));
        size_t span = (size_t)((found ? found : end) - line);
        size_t blank = 0;
        while (blank < span && strchr(" \t\r", line[blank])) {
            blank++;
        }
        if (blank < span) {
            int outcome = take_document(reader, line, span);
            if (outcome > 0 && is_first) {
                return take_document(reader, bytes, length) == 0 ? 0 : -1;
            }
            if (outcome != 0) {
                return -1;
            }
            is_first = false;
        }
        line += span + 1;
    }
    return 0;
}

/* Returns 0 with all bytes, for free(), or -1 with one line. */
static int
read_all(FILE *in, char **ret_bytes, size_t *ret_length, struct reader *reader)
{
    char *bytes = NULL;
    size_t length = 0, got;
    do {
        bytes = memory_resize(bytes, length + CHUNK, 1);
        got = fread(bytes + length, 1, CHUNK, in);
        length += got;
    } while (got == CHUNK && length <= BACKUP_EXPORT_BYTES_MAX);
    if (ferror(in) || length > BACKUP_EXPORT_BYTES_MAX) {
        snprintf(reader->error, reader->error_size, "%s",
                 ferror(in) ? "the export cannot be read"
                            : "the export is larger than 256 MiB: give it in parts, one after the other");
        free(bytes);
        return -1;
    }
    *ret_bytes = bytes;
    *ret_length = length;
    return 0;
}

int
backup_export_read(FILE *in, struct backup_export *ret_export, char *ret_error, size_t error_size)
{
    struct reader reader = { ret_export, ret_error, error_size };
    char *bytes;
    size_t length;
    *ret_export = (struct backup_export){ .writer = json_writer_new() };
    json_open_array(ret_export->writer);
    int outcome = read_all(in, &bytes, &length, &reader);
    if (outcome == 0) {
        outcome = take_lines(&reader, bytes, length);
        free(bytes);
    }
    if (outcome == 0 && ret_export->read == 0) {
        snprintf(ret_error, error_size, "the export has no events");
        outcome = -1;
    }
    if (outcome < 0) {
        backup_export_free(ret_export);
        return -1;
    }
    json_close_array(ret_export->writer);
    size_t written;
    const char *events = json_writer_bytes(ret_export->writer, &written);
    ret_export->events = memory_copy_text(events, written);
    return 0;
}

void
backup_export_free(struct backup_export *export)
{
    json_writer_free(export->writer);
    free(export->events);
    *export = (struct backup_export){ 0 };
}
