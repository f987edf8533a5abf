#include "server/resources/calendar.h"
#include "common/memory.h"
#include "common/secret.h"
#include "server/request/conditional.h"
#include "server/request/endpoint.h"
#include "server/resources/calendar_text.h"
#include "server/server.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_LENGTH 43 /* base62: 256 bits */
#define SUFFIX        ".ics"
#define ADDRESS_SIZE  512

const struct endpoint calendar_get = { .query = QUERY_CALENDAR_GET, .answer = ENDPOINT_ROW };
const struct endpoint calendar_delete = { .query = QUERY_CALENDAR_DELETE, .answer = ENDPOINT_EMPTY };

/* --- the address --- */

static request_function created;

static void
free_secret(void *secret)
{
    secret_wipe(secret, SECRET_LENGTH + 1);
    free(secret);
}

enum step_result
calendar_create(struct request *request)
{
    char *secret = memory_new(1, SECRET_LENGTH + 1);
    request->handler_data = secret;
    request->handler_free = free_secret;
    secret_random_base62(secret, SECRET_LENGTH);
    unsigned char digest[SECRET_DIGEST_SIZE];
    secret_digest(secret, SECRET_LENGTH, NULL, digest);
    const struct db_named values[] = {
        { "digest", DB_BINARY((const char *)digest, sizeof(digest)) },
        { 0 },
    };
    request_then(request, created);
    return endpoint_query(request, QUERY_CALENDAR_CREATE, values);
}

static enum step_result
created(struct request *request)
{
    if (endpoint_refused(request, NULL, true)) {
        return STEP_DONE;
    }
    const struct db_result *result = request->outcome.result;
    int row = request->outcome.first_row;
    char address[ADDRESS_SIZE];
    snprintf(address, sizeof(address), "%s/api/v1/calendar/%s" SUFFIX,
             request->loop->server->config->public_url, (const char *)request->handler_data);
    struct json_writer *writer = answer_json(&request->answer, 201);
    json_open_object(writer);
    json_text_member(writer, "url", address);
    json_text_member(writer, "createdAt", db_text(result, row, db_column(result, "createdAt")));
    json_close_object(writer);
    secret_wipe(address, sizeof(address));
    return STEP_DONE;
}

/* --- the feed --- */

static request_function found;

/* The digest of the secret in the path; false when the path has none. */
static bool
read_secret(const struct request *request, unsigned char ret_digest[SECRET_DIGEST_SIZE])
{
    struct http_slice given = route_values_find(&request->path, "secret")->text;
    size_t suffix = strlen(SUFFIX);
    if (given.length != SECRET_LENGTH + suffix || memcmp(given.bytes + SECRET_LENGTH, SUFFIX, suffix) != 0) {
        return false;
    }
    secret_digest(given.bytes, SECRET_LENGTH, NULL, ret_digest);
    return true;
}

enum step_result
calendar_feed(struct request *request)
{
    unsigned char digest[SECRET_DIGEST_SIZE];
    if (!read_secret(request, digest)) {
        return answer_refuse(&request->answer, PROBLEM_NOT_FOUND, NULL);
    }
    const struct db_named values[] = {
        { "digest", DB_BINARY((const char *)digest, sizeof(digest)) },
        { 0 },
    };
    request_then(request, found);
    return endpoint_query(request, QUERY_CALENDAR_EVENTS, values);
}

struct event {
    const char *kind, *name, *preview, *owner, *path, *at, *stands_since;
    int64_t token;
};

static struct event
read_event(const struct db_result *rows, int row)
{
    return (struct event){
        .kind = db_text(rows, row, db_column(rows, "kind")),
        .name = db_text(rows, row, db_column(rows, "name")),
        .preview = db_text(rows, row, db_column(rows, "preview")),
        .owner = db_text(rows, row, db_column(rows, "owner_name")),
        .path = db_text(rows, row, db_column(rows, "path")),
        .at = db_text(rows, row, db_column(rows, "at")),
        .stands_since = db_text(rows, row, db_column(rows, "stands_since")),
        .token = db_int64(rows, row, db_column(rows, "id")),
    };
}

/* The host of the public URL, for UIDs. */
static const char *
host_of(const char *public_url)
{
    const char *host = strstr(public_url, "://");
    return host ? host + 3 : public_url;
}

static void
add_alarm(struct calendar_text *calendar, const char *summary)
{
    calendar_text_add_raw(calendar, "BEGIN", "VALARM");
    calendar_text_add_raw(calendar, "ACTION", "DISPLAY");
    calendar_text_add(calendar, "DESCRIPTION", summary);
    calendar_text_add_raw(calendar, "TRIGGER", "-P1D");
    calendar_text_add_raw(calendar, "END", "VALARM");
}

static void
add_event(struct calendar_text *calendar, const struct event *event, const char *public_url)
{
    char text[1024];
    bool is_rotation = strcmp(event->kind, "rotation") == 0;
    calendar_text_add_raw(calendar, "BEGIN", "VEVENT");
    snprintf(text, sizeof(text), "%s-%" PRId64 "@%s", event->kind, event->token, host_of(public_url));
    calendar_text_add(calendar, "UID", text);
    calendar_text_add_raw(calendar, "DTSTAMP", event->stands_since);
    calendar_text_add_raw(calendar, "DTSTART", event->at);
    calendar_text_add_raw(calendar, "DURATION", "PT30M");
    calendar_text_add_raw(calendar, "TRANSP", "TRANSPARENT");
    snprintf(text, sizeof(text), "Token %s, owned by %s. %s", event->preview, event->owner,
             is_rotation ? "Generate its successor, put it in its place, see that it works, then delete "
                           "the old one."
                         : "From now on it is refused.");
    calendar_text_add(calendar, "DESCRIPTION", text);
    snprintf(text, sizeof(text), "%s%s", public_url, event->path);
    calendar_text_add_raw(calendar, "URL", text);
    snprintf(text, sizeof(text), is_rotation ? "Rotate %s" : "%s expires", event->name);
    calendar_text_add(calendar, "SUMMARY", text);
    add_alarm(calendar, text);
    calendar_text_add_raw(calendar, "END", "VEVENT");
}

static char *
write_feed(const struct request *request, size_t *ret_length)
{
    const struct db_result *rows = request->outcome.result;
    int first = request->outcome.first_row, count = request->outcome.row_count;
    struct calendar_text *calendar = calendar_text_new("TestKase tokens");
    for (int row = first; row < first + count; row++) {
        if (!db_is_null(rows, row, db_column(rows, "kind"))) {
            struct event event = read_event(rows, row);
            add_event(calendar, &event, request->loop->server->config->public_url);
        }
    }
    return calendar_text_end(calendar, ret_length);
}

/* The same bytes have the same tag, on every server. */
static void
make_etag(const char *bytes, size_t length, char ret_etag[40])
{
    unsigned char digest[SECRET_DIGEST_SIZE];
    secret_digest(bytes, length, NULL, digest);
    ret_etag[0] = '"';
    for (size_t i = 0; i < 16; i++) {
        snprintf(ret_etag + 1 + 2 * i, 3, "%02x", digest[i]);
    }
    memcpy(ret_etag + 33, "\"", 2);
}

static enum step_result
found(struct request *request)
{
    if (endpoint_refused(request, NULL, true)) {
        return STEP_DONE;
    }
    size_t length;
    char etag[40];
    char *bytes = write_feed(request, &length);
    make_etag(bytes, length, etag);
    request->answer.cache_control = "private, no-cache";
    answer_add_header(&request->answer, "ETag", etag);
    if (conditional_client_has(request, etag)) {
        free(bytes);
        return answer_empty(&request->answer, 304);
    }
    return answer_bytes(&request->answer, 200, "text/calendar; charset=utf-8", bytes, length);
}
