#include "server/request/steps.h"
#include "common/clock.h"
#include "common/log.h"
#include "server/http/characters.h"
#include "server/http/media_type.h"
#include "server/metrics.h"
#include "server/request/authenticate.h"
#include "server/request/bodies.h"
#include "server/request/endpoint.h"
#include "server/request/limits.h"
#include "server/request/request.h"
#include "server/server.h"
#include <stdio.h>
#include <string.h>

#define SHOWN_PATH_MAX   128 /* bytes of a path that a problem names */
#define SHOWN_CODING_MAX 32  /* bytes of a coding that a problem names */

static request_function step_route, step_body, step_parse, step_handle;

/* The life of a request. */
static const struct step steps[] = {
    { "route", step_route },
    { "same origin", authenticate_same_origin },
    { "identify", authenticate_identify },
    { "prove", authenticate_prove },
    { "session limit", limits_check_session },
    { "ask for lease", limits_ask_for_lease },
    { "ask gate", authenticate_ask_gate },
    { "admit", authenticate_admit },
    { "rate limit", limits_count },
    { "authorize", authenticate_authorize },
    { "body", step_body },
    { "parse", step_parse },
    { "ask gate again", authenticate_after_body },
    { "handle", step_handle },
    { 0 },
};

/* --- route --- */

/* Copies the path without slashes that are too many: doubled ones, and those at its end. Returns its length;
 * 0 when no slash is too many, or the path is too long to be shown. */
static size_t
drop_slashes(struct http_slice path, char ret_path[SHOWN_PATH_MAX])
{
    size_t length = 0;
    for (size_t i = 0; i < path.length; i++) {
        bool is_last = i + 1 == path.length;
        if (path.bytes[i] == '/' && (is_last || path.bytes[i + 1] == '/')) {
            continue;
        }
        if (length == SHOWN_PATH_MAX) {
            return 0;
        }
        ret_path[length++] = path.bytes[i];
    }
    return length == path.length ? 0 : length;
}

/* Names the right path when only slashes make the difference. A path with a token in it is not repeated. */
static enum step_result
refuse_path(struct request *request)
{
    const struct route *missing = request->loop->server->missing;
    if (missing && missing->handle(request) == STEP_DONE) {
        return STEP_DONE;
    }
    struct route_match match;
    char path[SHOWN_PATH_MAX], detail[SHOWN_PATH_MAX + 64];
    size_t length = drop_slashes(request->head->path, path);
    if (length == 0 || memmem(path, length, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) ||
        route_table_find(request->loop->server->routes, request->head->method,
                         (struct http_slice){ path, length }, &match) == ROUTE_NO_PATH) {
        return answer_refuse(&request->answer, PROBLEM_NOT_FOUND, NULL);
    }
    snprintf(detail, sizeof(detail), "The path has a slash too many; use %.*s instead.", (int)length, path);
    return answer_refuse(&request->answer, PROBLEM_NOT_FOUND, detail);
}

static enum step_result
refuse_unrouted(struct request *request)
{
    struct route_match match;
    if (route_table_find(request->loop->server->routes, request->head->method, request->head->path, &match) ==
        ROUTE_NO_PATH) {
        return refuse_path(request);
    }
    answer_add_header(&request->answer, "Allow", match.allow);
    return answer_refuse(&request->answer, PROBLEM_METHOD_NOT_ALLOWED, NULL);
}

/* For a request with a token that matches no route, so that it is authenticated, counted and limited like any
 * other. */
static const struct route no_route = {
    .method = HTTP_ANY, .pattern = "none", .access = ROUTE_CALLER, .handle = refuse_unrouted
};

static enum step_result
step_route(struct request *request)
{
    const struct http_head *head = request->head;
    const struct server *server = request->loop->server;
    struct route_match match;
    if (request->is_for_metrics && !http_slice_equals(head->path, "/metrics")) {
        return answer_refuse(&request->answer, PROBLEM_NOT_FOUND, NULL);
    }
    bool is_found = route_table_find(server->routes, head->method, head->path, &match) == ROUTE_FOUND;
    if (!head->host.bytes && !(is_found && match.route->without_host)) {
        request->answer.closes = true;
        return answer_refuse(&request->answer, PROBLEM_BAD_REQUEST, HTTP_HEAD_HOST_MISSING);
    }
    if (is_found) {
        request->route = match.route;
        request->path = match.values;
        return STEP_NEXT;
    }
    struct http_slice token;
    bool has_token = credentials_read(head, server->secure, &token) == CREDENTIALS_BEARER;
    if (!has_token || request->is_for_metrics) {
        return refuse_unrouted(request);
    }
    request->route = &no_route;
    return STEP_NEXT;
}

/* --- body, parse, handle --- */

/* RFC 9110 §8.4: a body in a coding, such as gzip, is not decoded. */
static enum step_result
refuse_coding(struct request *request, struct http_slice coding)
{
    char detail[160];
    bool is_shown = coding.length <= SHOWN_CODING_MAX && http_characters_all(coding, HTTP_TOKEN);
    snprintf(detail, sizeof(detail),
             "The body has the content coding %.*s; send it without Content-Encoding.",
             is_shown ? (int)coding.length : 0, coding.bytes);
    answer_add_header(&request->answer, "Accept-Encoding", "identity");
    return answer_refuse(&request->answer, PROBLEM_UNSUPPORTED_MEDIA_TYPE, detail);
}

static enum step_result
step_body(struct request *request)
{
    if (request->route->body_max == 0) {
        return STEP_NEXT;
    }
    if (!connection_has_body(request->connection)) {
        return request->route->body_optional
                   ? STEP_NEXT
                   : answer_refuse(&request->answer, PROBLEM_BAD_REQUEST,
                                   request->route->body_form
                                       ? "Send a form as the body of this request."
                                       : "Send a JSON object as the body of this request.");
    }
    struct http_slice coding = http_head_field(request->head, "content-encoding");
    bool is_gzip = request->route->body_raw && http_slice_equals_nocase(coding, "gzip");
    if (coding.length > 0 && !is_gzip && !http_slice_equals_nocase(coding, "identity")) {
        return refuse_coding(request, coding);
    }
    if (request->route->body_form ? !http_media_type_is_form(request->head->content_type)
                                  : !http_media_type_is_json(request->head->content_type)) {
        return answer_refuse(&request->answer, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                             request->route->body_form ? "Send the body as application/x-www-form-urlencoded."
                                                       : NULL);
    }
    return bodies_wait(request);
}

static enum step_result
step_parse(struct request *request)
{
    if (request->route->body_max == 0 || request->route->body_raw || request->route->body_form ||
        !connection_has_body(request->connection)) {
        return STEP_NEXT;
    }
    size_t length;
    const char *error;
    const char *bytes = connection_body(request->connection, &length);
    if (json_read(bytes, length, &request->body, &error) < 0) {
        return answer_refuse(&request->answer, PROBLEM_MALFORMED_JSON, error);
    }
    if (json_type(json_root(request->body)) != JSON_OBJECT) {
        return answer_refuse(&request->answer, PROBLEM_VALIDATION_FAILED, "The body must be a JSON object.");
    }
    return STEP_NEXT;
}

static enum step_result
step_handle(struct request *request)
{
    const struct route *route = request->route;
    return route->endpoint ? endpoint_handle(request) : route->handle(request);
}

/* --- connection events --- */

static void *
on_head(struct connection *connection, const struct http_head *head, void *argument)
{
    struct request *request = request_new(argument, connection, head, steps);
    request_run(request);
    return request_settle(request);
}

static void *
on_metrics_head(struct connection *connection, const struct http_head *head, void *argument)
{
    struct request *request = request_new(argument, connection, head, steps);
    request->is_for_metrics = true;
    request_run(request);
    return request_settle(request);
}

static void *
on_refused(struct connection *connection, enum problem_code code, const char *detail, void *argument)
{
    struct request *request = request_new(argument, connection, NULL, steps);
    request->answer.closes = true;
    answer_refuse(&request->answer, code, detail);
    request_finish(request);
    return request_settle(request);
}

static void
on_body(void *argument, enum problem_code code, const char *detail)
{
    struct request *request = argument;
    if (code == PROBLEM_NONE) {
        bodies_arrived(request);
        request_complete(request);
        return;
    }
    request->answer.closes = true;
    answer_refuse(&request->answer, code, detail);
    request_complete_with_answer(request);
}

/* If a completion is outstanding, the request is freed when it arrives. */
static void
on_deadline(void *argument)
{
    struct request *request = argument;
    log_warning("request took too long", log_text("request", request->id),
                log_text("step", request_step_name(request)));
    request->answer.closes = true;
    answer_refuse(&request->answer, PROBLEM_UNAVAILABLE,
                  "The request could not be completed in time; try again.");
    request_finish(request);
    request_settle(request);
}

const struct connection_events steps_events = {
    .on_head = on_head,
    .on_refused = on_refused,
    .on_body = on_body,
    .on_deadline = on_deadline,
};

const struct connection_events steps_metrics_events = {
    .on_head = on_metrics_head,
    .on_refused = on_refused,
    .on_body = on_body,
    .on_deadline = on_deadline,
};
