#include "server/request/request.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/token.h"
#include "server/auth/rate_limit.h"
#include "server/database/batched_read.h"
#include "server/http/media_type.h"
#include "server/http/query.h"
#include "server/metrics.h"
#include "server/request/authenticate.h"
#include "server/request/route.h"
#include "server/usage.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_AFTER_SECONDS "1"

/* --- the end: the only place that answers and frees --- */

static void
free_hash(struct request *request)
{
    if (request->hash) {
        secret_wipe(request->hash, sizeof(*request->hash));
        free(request->hash);
        request->hash = NULL;
    }
}

static void
free_request(struct request *request)
{
    request_end_guess(request, request->hash && request->hash->result == SECRET_MISMATCH);
    if (request->handler_free) {
        request->handler_free(request->handler_data);
    }
    free_hash(request);
    free(request->body_bytes);
    json_free(request->body);
    db_result_free(request->result);
    caller_free(request->caller);
    secret_wipe(&request->verified_key, sizeof(request->verified_key));
    free(request);
}

static void
log_answer(const struct request *request)
{
    /* 505 is the client's mistake, and would let anybody fill the log. 503 is everybody's answer while
     * PostgreSQL is away, which is logged once a minute where it is noticed, or a queue is full, which the
     * metrics tell. */
    bool is_ours = request->status >= 500 && request->status != 503 && request->status != 505;
    enum log_level level = is_ours ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG;
    if (!log_enabled(level)) {
        return;
    }
    log_event(level, "answered", log_text("request", request->id),
              log_text("route", request->route ? request->route->path : ""),
              log_number("status", request->status),
              log_number("us", clock_monotonic_us() - request->started_us), LOG_END);
}

/* Whoever is over the limit, or presents a token that has expired, could make a sum of its own for every
 * call. */
static bool
is_told_apart(const struct request *request)
{
    const struct caller *caller = request->caller;
    if (request->gate_status == GATE_EXPIRED) {
        return rate_limits_take(request->loop->shared->rate_limits, caller->token_id, caller->rate_limit,
                                clock_monotonic_ms())
            .allowed;
    }
    return request->status != 429;
}

static void
count_answer(const struct request *request)
{
    struct loop *loop = request->loop;
    size_t route = route_index(request->route);
    int64_t now_us = clock_monotonic_us();
    counter_add(&loop->metrics.requests[route][http_status_index(request->status)], 1);
    histogram_add(&loop->metrics.latency[route], metrics_latency_bounds,
                  (uint64_t)(now_us - request->started_us));
    if (request->caller && request->caller->token_id) {
        usage_add(loop->usage, request->caller->token_id, is_told_apart(request) ? &request->address : NULL,
                  request->head, request->route, request->status, now_us);
    }
}

/* Every answer carries these; what the caller may see is for nobody's cache. */
static void
add_common_fields(struct request *request)
{
    request_add_field(request, "X-Request-Id", request->id);
    request_add_field(request, "X-Content-Type-Options", "nosniff");
    request_add_field(request, "Cache-Control", "no-store");
    if (request->loop->shared->secure) {
        request_add_field(request, "Strict-Transport-Security", "max-age=31536000");
    }
    if (request->caller && request->caller->token_expires_at) {
        request_add_field(request, "X-Token-Expires-At", request->caller->token_expires_at);
    }
    if (request->status == 503) {
        request_add_field(request, "Retry-After", RETRY_AFTER_SECONDS);
    }
}

static void
answer(struct request *request)
{
    struct json_writer *writer = request->loop->writer;
    if (!request->status) {
        json_writer_reset(writer);
        problem_write(&request->problem, writer);
        request->status = problem_status(request->problem.code);
        request->content_type = "application/problem+json";
    }
    add_common_fields(request);
    struct connection_reply reply = {
        .status = request->status,
        .fields = request->fields,
        .fields_length = request->fields_length,
        .content_type = request->content_type,
        .close = request->closes,
    };
    if (request->body_bytes) {
        reply.body = request->body_bytes;
        reply.body_length = request->body_length;
    } else if (reply.content_type) {
        reply.body = json_writer_bytes(writer, &reply.body_length);
    }
    log_answer(request);
    count_answer(request);
    request->answered = true;
    request->head = NULL;
    connection_reply(request->connection, &reply);
    if (reply.content_type) {
        json_writer_reset(writer); /* it may hold a token */
    }
}

/* Frees the request when it is answered and nothing of it is outstanding; NULL then. */
static struct request *
settle(struct request *request)
{
    if (request->answered && !request->waiting) {
        free_request(request);
        return NULL;
    }
    return request;
}

/* --- what the answer is --- */

enum step_result
request_refuse(struct request *request, enum problem_code code, const char *detail)
{
    free(request->body_bytes);
    request->body_bytes = NULL;
    problem_set(&request->problem, code, detail);
    request->status = 0;
    return STEP_DONE;
}

void
request_field_error(struct request *request, const char *field, const char *detail)
{
    if (request->problem.error_count == 0) {
        problem_set(&request->problem, PROBLEM_VALIDATION_FAILED, NULL);
    }
    problem_add_error(&request->problem, field, detail);
}

bool
request_has_errors(const struct request *request)
{
    return request->problem.error_count > 0;
}

enum step_result
request_refuse_fields(struct request *request)
{
    request->status = 0;
    return STEP_DONE;
}

enum step_result
request_answer_empty(struct request *request, int status)
{
    request->status = status;
    request->content_type = NULL;
    return STEP_DONE;
}

struct json_writer *
request_writer(struct request *request)
{
    json_writer_reset(request->loop->writer);
    return request->loop->writer;
}

enum step_result
request_answer_json(struct request *request, int status)
{
    request->status = status;
    request->content_type = "application/json";
    return STEP_DONE;
}

static char *
add(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

enum step_result
request_answer_bytes(struct request *request, int status, const char *content_type, char *bytes,
                     size_t length)
{
    request->status = status;
    request->content_type = content_type;
    request->body_bytes = bytes;
    request->body_length = length;
    return STEP_DONE;
}

void
request_add_field(struct request *request, const char *name, const char *value)
{
    size_t name_length = strlen(name), value_length = strlen(value);
    size_t length = name_length + 2 + value_length + 2;
    if (length <= sizeof(request->fields) - request->fields_length) {
        char *at = request->fields + request->fields_length;
        at = add(at, name, name_length);
        at = add(at, ": ", 2);
        at = add(at, value, value_length);
        add(at, "\r\n", 2);
        request->fields_length += length;
    }
}

void
request_add_lines(struct request *request, const char *lines, const int64_t *numbers)
{
    size_t length = request->fields_length;
    for (; *lines; lines++) {
        if (length > sizeof(request->fields) - TEXT_NUMBER_SIZE) {
            return; /* without the lines, rather than with a part */
        }
        if (*lines != '%') {
            request->fields[length++] = *lines;
        } else {
            length += text_number(*numbers++, request->fields + length);
        }
    }
    request->fields_length = length;
}

/* The error is for a token that was sent; without one the challenge is bare (RFC 6750 §3). */
enum step_result
request_challenge(struct request *request, enum problem_code code, const char *detail)
{
    request_add_field(request, "WWW-Authenticate",
                      code == PROBLEM_AUTHENTICATION_REQUIRED || code == PROBLEM_INVALID_CREDENTIALS
                          ? "Bearer realm=\"testkase\""
                          : "Bearer realm=\"testkase\", error=\"invalid_token\"");
    return request_refuse(request, code, detail);
}

/* --- waiting --- */

static void request_resume(struct request *request);

void
request_then(struct request *request, request_function *then)
{
    request->then = then;
}

void
request_complete(struct request *request)
{
    request->waiting = false;
    if (!request->answered) {
        request_resume(request);
    }
    settle(request);
}

enum step_result
request_wait(struct request *request)
{
    request->waiting = true;
    return STEP_WAIT;
}

static void
on_result(const struct db_result *result, void *argument)
{
    struct request *request = argument;
    db_result_free(request->result);
    request->result = db_result_keep(result);
    request->first_row = 0;
    request->row_count = db_rows(result);
    request_complete(request);
}

static void
on_rows(const struct db_result *result, int first, int count, void *argument)
{
    struct request *request = argument;
    db_result_free(request->result);
    request->result = db_result_keep(result);
    request->first_row = first;
    request->row_count = count;
    request_complete(request);
}

static bool
only_reads(const struct request *request)
{
    bool decides = !request->caller && request->route->access != ROUTE_ANYONE;
    return decides || request->head->method == HTTP_GET || request->head->method == HTTP_HEAD;
}

enum step_result
request_query(struct request *request, enum query query, const struct db_value *values)
{
    request->query = query;
    db_call(only_reads(request) ? loop_reader(request->loop) : loop_writer(request->loop), query, values,
            false, on_result, request);
    return request_wait(request);
}

enum step_result
request_batched_query(struct request *request, struct batched_read *read, const int64_t *numbers)
{
    request->query = batched_read_query(read);
    batched_read_call(read, numbers, on_rows, request);
    return request_wait(request);
}

static bool
is_passing(const char *sqlstate)
{
    /* Shut down or out of resources; deadlock and serialization; lock not available or cancelled. */
    static const char *const classes[] = { "08", "40", "53", "55", "57", "58" };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strncmp(sqlstate, classes[i], 2) == 0) {
            return true;
        }
    }
    return false;
}

bool
request_query_failed(struct request *request, const char *expected_constraint)
{
    const struct db_result *result = request->result;
    if (db_status(result) == DB_OK ||
        (expected_constraint && strcmp(db_constraint(result), expected_constraint) == 0)) {
        return false;
    }
    if (db_status(result) == DB_UNAVAILABLE || is_passing(db_sqlstate(result))) {
        request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    } else {
        request_refuse(request, PROBLEM_INTERNAL, NULL);
    }
    if (db_status(result) == DB_REFUSED) {
        log_warning("query failed", log_text("request", request->id),
                    log_text("query", query_texts[request->query].name),
                    log_text("sqlstate", db_sqlstate(result)), log_text("constraint", db_constraint(result)),
                    log_text("reason", db_message(result)));
    }
    return true;
}

int64_t
request_begin_guess(struct request *request, enum guess_kind kind, const char *target)
{
    int64_t wait = guess_begin(request->loop->shared->guess_throttle, kind, &request->address, target);
    request->guess_kind = kind;
    request->guess_target = wait == 0 ? target : NULL;
    return wait;
}

void
request_end_guess(struct request *request, bool was_wrong)
{
    struct guess_throttle *throttle = request->loop->shared->guess_throttle;
    if (request->guess_target && was_wrong) {
        guess_failed(throttle, request->guess_kind, &request->address, request->guess_target);
    } else if (request->guess_target) {
        guess_refund(throttle, request->guess_kind, &request->address, request->guess_target);
    }
    request->guess_target = NULL;
}

/* At the end of the program. */
static void
refuse_dropped(struct request *request)
{
    request->waiting = false;
    if (!request->answered) {
        request_refuse(request, PROBLEM_UNAVAILABLE, "The service is stopping; try again.");
        request->closes = true;
        answer(request);
    }
    settle(request);
}

static void
on_hash(const struct hasher_result *result, void *argument)
{
    struct request *request = argument;
    if (result->dropped) {
        refuse_dropped(request);
        return;
    }
    free_hash(request);
    request->hash = memory_new(1, sizeof(*request->hash));
    *request->hash = *result;
    request_complete(request);
}

enum step_result
request_verify(struct request *request, enum hasher_share share, const unsigned char *key,
               const char *encoded, const char *secret, size_t length)
{
    if (!hasher_verify(request->loop->mailbox, share, key, encoded, secret, length, on_hash, request)) {
        return request_refuse(request, PROBLEM_UNAVAILABLE,
                              "Too many secrets are being checked; try again shortly.");
    }
    return request_wait(request);
}

enum step_result
request_hash(struct request *request, enum hasher_share share, const char *secret, size_t length)
{
    if (!hasher_hash(request->loop->mailbox, share, secret, length, &request->loop->shared->cost, on_hash,
                     request)) {
        return request_refuse(request, PROBLEM_UNAVAILABLE,
                              "Too many secrets are being hashed; try again shortly.");
    }
    return request_wait(request);
}

/* --- the steps, in their order --- */

enum step_result
request_refuse_unrouted(struct request *request)
{
    const struct route *route;
    int64_t id;
    char allow[ROUTE_ALLOW_SIZE];
    if (route_find(request->head->method, request->head->path, &route, &id, allow) == ROUTE_NO_PATH) {
        return request_refuse(request, PROBLEM_NOT_FOUND, NULL);
    }
    request_add_field(request, "Allow", allow);
    return request_refuse(request, PROBLEM_METHOD_NOT_ALLOWED, NULL);
}

static enum step_result
step_route(struct request *request)
{
    const struct http_head *head = request->head;
    char allow[ROUTE_ALLOW_SIZE];
    if (request->is_for_metrics && !http_slice_equals(head->path, "/metrics")) {
        return request_refuse(request, PROBLEM_NOT_FOUND, NULL);
    }
    if (route_find(head->method, head->path, &request->route, &request->path_id, allow) == ROUTE_FOUND) {
        return STEP_NEXT;
    }
    struct http_slice token;
    bool has_token = caller_credentials(head, request->loop->shared->secure, &token) == CREDENTIALS_BEARER;
    if (!has_token || request->is_for_metrics) {
        return request_refuse_unrouted(request);
    }
    request->route = &route_none;
    return STEP_NEXT;
}

static enum step_result
step_body(struct request *request)
{
    if (request->route->body_max == 0) {
        return STEP_NEXT;
    }
    if (!connection_has_body(request->connection)) {
        return request_refuse(request, PROBLEM_BAD_REQUEST,
                              "Send a JSON object as the body of this request.");
    }
    if (!http_media_type_is_json(request->head->content_type)) {
        return request_refuse(request, PROBLEM_UNSUPPORTED_MEDIA_TYPE, NULL);
    }
    connection_want_body(request->connection, request->route->body_max);
    return request_wait(request);
}

static enum step_result
step_parse(struct request *request)
{
    if (request->route->body_max == 0) {
        return STEP_NEXT;
    }
    size_t length;
    const char *error;
    const char *bytes = connection_body(request->connection, &length);
    if (json_read(bytes, length, &request->body, &error) < 0) {
        return request_refuse(request, PROBLEM_MALFORMED_JSON, error);
    }
    if (json_type(json_root(request->body)) != JSON_OBJECT) {
        return request_refuse(request, PROBLEM_VALIDATION_FAILED, "The body must be a JSON object.");
    }
    return STEP_NEXT;
}

static enum step_result
step_handle(struct request *request)
{
    return request->route->handle(request);
}

static const struct {
    const char *name;
    request_function *run;
} steps[] = {
    { "route", step_route },
    { "same origin", authenticate_same_origin },
    { "identify", authenticate_identify },
    { "find hash", authenticate_find_hash },
    { "prove", authenticate_prove },
    { "proven", authenticate_proven },
    { "ask", authenticate_ask },
    { "admit", authenticate_admit },
    { "limit", limit_rate },
    { "authorize", authenticate_authorize },
    { "body", step_body },
    { "parse", step_parse },
    { "handle", step_handle },
};

/* Runs steps until one waits or ends. */
static void
request_resume(struct request *request)
{
    enum step_result outcome = STEP_NEXT;
    while (outcome == STEP_NEXT) {
        request_function *run = request->then;
        request->then = NULL;
        if (!run) {
            run = steps[request->step++].run;
        }
        outcome = run(request);
    }
    if (outcome == STEP_DONE) {
        answer(request);
    }
}

/* --- the connection's events --- */

/* A token in the wrong field must not reach a log through it. */
static bool
is_request_id(struct http_slice id)
{
    if (id.length == 0 || id.length >= REQUEST_ID_SIZE ||
        memmem(id.bytes, id.length, TOKEN_PREFIX, strlen(TOKEN_PREFIX))) {
        return false;
    }
    for (size_t i = 0; i < id.length; i++) {
        unsigned char c = (unsigned char)id.bytes[i];
        bool fits = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                    c == '_' || c == '.';
        if (!fits) {
            return false;
        }
    }
    return true;
}

/* Nobody has to guess it, so it may be told from the loop and a count. */
static void
make_id(struct loop *loop, char ret_id[REQUEST_ID_SIZE])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t length = sizeof(loop->id_prefix) - 1;
    uint64_t number = ++loop->requests;
    memcpy(ret_id, loop->id_prefix, length);
    for (size_t i = 0; i < 8; i++, number /= 62) {
        ret_id[length + 7 - i] = digits[number % 62];
    }
    ret_id[length + 8] = '\0';
}

static struct request *
new_request(struct connection *connection, const struct http_head *head, struct loop *loop)
{
    struct request *request = memory_new(1, sizeof(*request));
    request->loop = loop;
    request->connection = connection;
    request->head = head;
    request->started_us = clock_monotonic_us();
    trusted_proxies_client(loop->shared->trusted_proxies, connection_peer(connection), head,
                           &request->address);
    if (head && is_request_id(head->request_id)) {
        memcpy(request->id, head->request_id.bytes, head->request_id.length);
    } else {
        make_id(loop, request->id);
    }
    return request;
}

static void *
on_head(struct connection *connection, const struct http_head *head, void *argument)
{
    struct request *request = new_request(connection, head, argument);
    request_resume(request);
    return settle(request);
}

static void *
on_metrics_head(struct connection *connection, const struct http_head *head, void *argument)
{
    struct request *request = new_request(connection, head, argument);
    request->is_for_metrics = true;
    request_resume(request);
    return settle(request);
}

static void *
on_refused(struct connection *connection, enum problem_code code, const char *detail, void *argument)
{
    struct request *request = new_request(connection, NULL, argument);
    request->closes = true;
    request_refuse(request, code, detail);
    answer(request);
    return settle(request);
}

static void
on_body(void *argument, enum problem_code code, const char *detail)
{
    struct request *request = argument;
    request->waiting = false;
    if (code == PROBLEM_NONE) {
        request_resume(request);
    } else {
        request->closes = true;
        request_refuse(request, code, detail);
        answer(request);
    }
    settle(request);
}

static void
on_deadline(void *argument)
{
    struct request *request = argument;
    log_warning("request took too long", log_text("request", request->id),
                log_text("step", request->step > 0 ? steps[request->step - 1].name : ""));
    request_refuse(request, PROBLEM_UNAVAILABLE, "The request could not be completed in time; try again.");
    request->closes = true;
    answer(request);
    settle(request);
}

const struct connection_events request_events = {
    .on_head = on_head,
    .on_refused = on_refused,
    .on_body = on_body,
    .on_deadline = on_deadline,
};

const struct connection_events request_metrics_events = {
    .on_head = on_metrics_head,
    .on_refused = on_refused,
    .on_body = on_body,
    .on_deadline = on_deadline,
};

/* --- parameters --- */

int
request_parameter(struct request *request, const char *name, char *ret_value, size_t size)
{
    int found = http_query_parameter(request->head->query, name, ret_value, size);
    if (found < 0) {
        request_field_error(request, name, "must be given once and be readable");
        request_refuse_fields(request);
    }
    return found;
}

const char *
request_address(struct request *request)
{
    client_address_text(&request->address, request->address_text);
    return request->address_text[0] ? request->address_text : NULL;
}

void
request_actor(struct request *request, struct request_actor *ret_actor)
{
    const struct caller *caller = request->caller;
    ret_actor->values[0] = DB_TEXT("user");
    ret_actor->values[1] = db_number(ret_actor->user, caller->user_id);
    ret_actor->values[2] = caller->token_id ? db_number(ret_actor->token, caller->token_id) : DB_TEXT(NULL);
    ret_actor->values[3] = DB_TEXT(request->id);
    ret_actor->values[4] = DB_TEXT(request_address(request));
}
