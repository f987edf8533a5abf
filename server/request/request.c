#include "server/request/request.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/pasted_secret.h"
#include "common/text.h"
#include "server/http/status.h"
#include "server/http/trusted_proxies.h"
#include "server/metrics.h"
#include "server/request/bodies.h"
#include "server/request/password_proof.h"
#include "server/server.h"
#include "server/usage.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_AFTER_SECONDS "1"

/* --- the beginning --- */

/* An id that contains a token or another secret is not accepted: ids are logged. */
static bool
is_request_id(struct http_slice id)
{
    if (id.length == 0 || id.length >= REQUEST_ID_SIZE ||
        memmem(id.bytes, id.length, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) ||
        pasted_secret_find(id.bytes, id.length, NULL)) {
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

/* Request ids need not be secret: a random prefix per loop and a counter suffice. */
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

struct request *
request_new(struct loop *loop, struct connection *connection, const struct http_head *head,
            const struct step *steps)
{
    struct request *request = memory_resize(NULL, 1, sizeof(*request));
    memset(request, 0, offsetof(struct request, answer));
    answer_begin(&request->answer, loop->writer);
    request->loop = loop;
    request->connection = connection;
    request->head = head;
    request->progress.steps = steps;
    request->started_us = clock_monotonic_us();
    trusted_proxies_client(loop->server->trusted_proxies, connection_peer(connection), head,
                           &request->address);
    if (head && is_request_id(head->request_id)) {
        memcpy(request->id, head->request_id.bytes, head->request_id.length);
    } else {
        make_id(loop, request->id);
    }
    return request;
}

/* --- running --- */

void
request_run(struct request *request)
{
    struct request_progress *progress = &request->progress;
    enum step_result outcome = STEP_NEXT;
    while (outcome == STEP_NEXT) {
        request_function *run = progress->then;
        progress->then = NULL;
        if (!run) {
            run = progress->steps[progress->next++].run;
        }
        outcome = run(request);
    }
    if (outcome == STEP_DONE) {
        request_finish(request);
    }
}

const char *
request_step_name(const struct request *request)
{
    size_t next = request->progress.next;
    return next > 0 ? request->progress.steps[next - 1].name : "";
}

void
request_then(struct request *request, request_function *then)
{
    request->progress.then = then;
}

enum step_result
request_wait(struct request *request)
{
    request->progress.waiting = true;
    return STEP_WAIT;
}

void
request_complete(struct request *request)
{
    request->progress.waiting = false;
    if (!request->progress.answered) {
        request_run(request);
    }
    request_settle(request);
}

void
request_complete_with_answer(struct request *request)
{
    request->progress.waiting = false;
    if (!request->progress.answered) {
        request_finish(request);
    }
    request_settle(request);
}

/* --- the end: the only place that sends answers and frees requests --- */

/* Answers must not be cached, unless an answer says otherwise. */
static void
add_common_headers(struct request *request)
{
    struct answer *answer = &request->answer;
    const struct caller *caller = request->auth.caller;
    answer_add_header(answer, "X-Request-Id", request->id);
    answer_add_header(answer, "X-Content-Type-Options", "nosniff");
    answer_add_header(answer, "Cache-Control", answer->cache_control ? answer->cache_control : "no-store");
    if (request->loop->server->secure) {
        answer_add_header(answer, "Strict-Transport-Security", "max-age=31536000");
    }
    if (caller && caller->token_expires_at) {
        answer_add_header(answer, "X-Token-Expires-At", caller->token_expires_at);
    }
    if (answer->status == 503) {
        answer_add_header(answer, "Retry-After", RETRY_AFTER_SECONDS);
    }
}

static void
log_answer(const struct request *request)
{
    /* 505 is the client's mistake, and logging it would let any client fill the log. 503 means that
     * PostgreSQL is down, which the loop logs once a minute, or that a queue is full, which the metrics show.
     */
    int status = request->answer.status;
    bool is_our_fault = status >= 500 && status != 503 && status != 505;
    enum log_level level = is_our_fault ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG;
    if (!log_enabled(level)) {
        return;
    }
    log_event(level, "answered", log_text("request", request->id),
              log_text("route", request->route ? request->route->pattern : ""), log_number("status", status),
              log_number("us", clock_monotonic_us() - request->started_us), LOG_END);
}

static void
count_answer(const struct request *request)
{
    struct loop *loop = request->loop;
    const struct caller *caller = request->auth.caller;
    size_t route = route_table_index(loop->server->routes, request->route);
    int64_t now_us = clock_monotonic_us();
    counter_add(&loop->metrics.requests[route][http_status_index(request->answer.status)], 1);
    histogram_add(&loop->metrics.latency[route], metrics_latency_bounds,
                  (uint64_t)(now_us - request->started_us));
    int64_t token_id = caller ? caller->token_id : request->auth.ended_id;
    if (token_id) {
        const struct usage_call call = {
            .token_id = token_id,
            .address = request->auth.shares_usage_entry ? NULL : &request->address,
            .user_agent = request->head->user_agent,
            .method = request->head->method,
            .route = caller ? request->route->pattern : "none",
            .status = request->answer.status,
            .is_after_end = request->auth.is_after_end,
            .ended_us = now_us,
        };
        usage_add(loop->usage, &call);
    }
}

void
request_finish(struct request *request)
{
    add_common_headers(request);
    struct connection_reply reply = answer_reply(&request->answer);
    log_answer(request);
    count_answer(request);
    request->progress.answered = true;
    request->head = NULL;
    connection_reply(request->connection, &reply);
    answer_sent(&request->answer);
}

static void
free_request(struct request *request)
{
    outcome_end(&request->outcome);
    if (request->handler_free) {
        request->handler_free(request->handler_data);
    }
    input_values_free(request->inputs);
    password_proof_free(request->proof);
    answer_end(&request->answer);
    bodies_release(request);
    json_free(request->body);
    caller_free(request->auth.caller);
    secret_wipe(&request->auth.verified_key, sizeof(request->auth.verified_key));
    free(request);
}

struct request *
request_settle(struct request *request)
{
    if (request->progress.answered && !request->progress.waiting) {
        free_request(request);
        return NULL;
    }
    return request;
}

/* --- for handlers --- */

int64_t
request_path_number(const struct request *request, const char *placeholder)
{
    return route_values_find(&request->path, placeholder)->number;
}

const char *
request_address(struct request *request)
{
    client_address_text(&request->address, request->address_text);
    return request->address_text[0] ? request->address_text : NULL;
}

/* No part needs quoting: a request id has letters, digits, '-', '_' and '.', and an address also ':'. */
void
request_actor(struct request *request, char ret_actor[REQUEST_ACTOR_SIZE])
{
    const struct caller *caller = request->auth.caller;
    const char *address = request_address(request);
    char token[TEXT_NUMBER_SIZE] = "", session[TEXT_NUMBER_SIZE] = "";
    if (caller->token_id) {
        text_number(caller->token_id, token);
    } else {
        text_number(caller->session_id, session);
    }
    snprintf(ret_actor, REQUEST_ACTOR_SIZE, "(user,%lld,%s,%s,%s,%s,%s)", (long long)caller->user_id, token,
             session, request->route->access == ROUTE_ORG_ADMIN ? "admin" : "member", request->id,
             address ? address : "");
}
