#include "server/request/authenticate.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/token.h"
#include "server/auth/rate_limits.h"
#include "server/metrics.h"
#include "server/request/await.h"
#include "server/request/public_url.h"
#include "server/request/renew.h"
#include "server/server.h"
#include <stdio.h>
#include <string.h>

static bool
is_unsafe(enum http_method method)
{
    return method != HTTP_GET && method != HTTP_HEAD && method != HTTP_OPTIONS;
}

/* Whether Origin is our own: the public URL, or the request's Host. */
static bool
origin_is_ours(const struct request *request)
{
    struct http_slice origin = request->head->origin, host = request->head->host;
    if (http_slice_equals_nocase(origin, request->loop->server->config->public_url)) {
        return true;
    }
    const char *scheme = request->loop->server->secure ? "https://" : "http://";
    size_t length = strlen(scheme);
    return host.length > 0 && origin.length == length + host.length &&
           memcmp(origin.bytes, scheme, length) == 0 &&
           memcmp(origin.bytes + length, host.bytes, host.length) == 0;
}

/* Browsers send Sec-Fetch-Site or Origin with an unsafe request; it must come from our own pages.
 * `without_origin` is the result for a request that has neither field. */
static bool
is_same_origin(const struct request *request, bool without_origin)
{
    bool is_same = without_origin;
    if (request->head->sec_fetch_site.bytes) {
        is_same = http_slice_equals(request->head->sec_fetch_site, "same-origin");
    } else if (request->head->origin.bytes) {
        is_same = origin_is_ours(request);
    }
    if (is_same) {
        public_url_check(request);
    }
    return is_same;
}

enum step_result
authenticate_same_origin(struct request *request)
{
    struct http_slice secret;
    bool anyone = request->route->access == ROUTE_ANYONE;
    request->auth.credentials = credentials_read(request->head, request->loop->server->secure, &secret);
    if (is_unsafe(request->head->method) && (anyone || request->auth.credentials == CREDENTIALS_SESSION) &&
        !is_same_origin(request, anyone)) {
        return public_url_refuse(request);
    }
    return STEP_NEXT;
}

enum step_result
authenticate_identify(struct request *request)
{
    if (request->route->access == ROUTE_ANYONE) {
        request->auth.credentials = CREDENTIALS_NONE;
        return STEP_NEXT;
    }
    struct http_slice secret;
    switch (credentials_read(request->head, request->loop->server->secure, &secret)) {
    case CREDENTIALS_NONE:
        return answer_challenge(&request->answer, PROBLEM_AUTHENTICATION_REQUIRED, NULL);
    case CREDENTIALS_SESSION:
        return STEP_NEXT;
    case CREDENTIALS_BEARER:
        break;
    }
    if (!token_parse(secret.bytes, secret.length, request->auth.lookup_id)) {
        return answer_challenge(&request->answer, PROBLEM_INVALID_TOKEN, NULL);
    }
    struct verified *verified = request->loop->server->verified;
    verified_key_of(verified, secret.bytes, secret.length, &request->auth.verified_key);
    enum verified_answer answer =
        verified_find(verified, &request->auth.verified_key, &request->auth.token_id);
    struct metrics *metrics = &request->loop->metrics;
    counter_add(answer == VERIFIED_UNKNOWN ? &metrics->verified_misses : &metrics->verified_hits, 1);
    return answer == VERIFIED_WRONG ? answer_challenge(&request->answer, PROBLEM_INVALID_TOKEN, NULL)
                                    : STEP_NEXT;
}

/* --- proving a secret that `verified` does not know --- */

static request_function hash_found, secret_compared;

enum step_result
authenticate_prove(struct request *request)
{
    if (request->auth.credentials != CREDENTIALS_BEARER || request->auth.token_id != 0) {
        return STEP_NEXT;
    }
    request_then(request, hash_found);
    return await_query(request, QUERY_GATE_FIND_HASH, &DB_TEXT(request->auth.lookup_id));
}

/* The token is unknown (0), or has ended. The owner of an ended one learns that something still presents it;
 * when its hash is erased, at least its look-up id. */
static enum step_result
refuse_ended(struct request *request, int64_t token_id)
{
    request->auth.ended_id = token_id;
    if (token_id &&
        !rate_limits_take(request->loop->server->rate_limits, token_id, 0, clock_monotonic_ms()).allowed) {
        authenticate_share_usage_entry(request);
    }
    return answer_challenge(&request->answer, PROBLEM_INVALID_TOKEN, NULL);
}

static enum step_result
hash_found(struct request *request)
{
    if (await_failed(request, NULL)) {
        return STEP_DONE;
    }
    const struct db_result *found = request->outcome.result;
    if (db_rows(found) == 0 || db_is_null(found, 0, 1)) {
        return refuse_ended(request, db_rows(found) > 0 ? db_int64(found, 0, 0) : 0);
    }
    const char *encoded = db_text(found, 0, 1);
    int64_t wait = await_begin_token_guess(request, GUESS_TOKEN, request->auth.lookup_id,
                                           request->auth.verified_key.bytes, encoded);
    if (wait > 0) {
        counter_add(&request->loop->metrics.guesses_refused, 1);
        answer_add_headers(&request->answer, "Retry-After: %\r\n", &wait);
        return answer_refuse(&request->answer, PROBLEM_RATE_LIMITED,
                             "Too many wrong tokens came from this address; wait before the next try.");
    }
    struct http_slice token;
    credentials_read(request->head, request->loop->server->secure, &token);
    request_then(request, secret_compared);
    return await_verify(request, HASHER_TOKENS, request->auth.verified_key.bytes, encoded, token.bytes,
                        token.length);
}

static void
renew_hash(struct request *request)
{
    struct http_slice token;
    credentials_read(request->head, request->loop->server->secure, &token);
    renew_token_hash(request->loop, request->auth.token_id, db_text(request->outcome.result, 0, 1),
                     token.bytes, token.length);
}

static enum step_result
secret_compared(struct request *request)
{
    struct verified *verified = request->loop->server->verified;
    int64_t token_id = db_int64(request->outcome.result, 0, 0);
    outcome_settle_guess(&request->outcome, request->outcome.hash->outcome == HASHER_MISMATCH);
    switch (request->outcome.hash->outcome) {
    case HASHER_MATCH:
        request->auth.token_id = token_id;
        if (verified_remember(verified, &request->auth.verified_key, VERIFIED_GOOD, token_id)) {
            renew_hash(request);
        }
        return STEP_NEXT;
    case HASHER_MISMATCH:
        verified_remember(verified, &request->auth.verified_key, VERIFIED_WRONG, token_id);
        return answer_challenge(&request->answer, PROBLEM_INVALID_TOKEN, NULL);
    default:
        log_error("a stored hash cannot be read", log_text("request", request->id),
                  log_number("token", token_id));
        return answer_refuse(&request->answer, PROBLEM_INTERNAL, NULL);
    }
}

/* --- asking whether the token or the session is valid now --- */

/* In place of the one before, when the gate is asked again. */
static void
set_caller(struct request *request, struct caller *caller)
{
    caller_free(request->auth.caller);
    request->auth.caller = caller;
}

static void
on_gate(enum gate_status status, struct caller *caller, void *argument)
{
    struct request *request = argument;
    request->auth.gate_status = status;
    set_caller(request, caller ? caller_keep(caller) : NULL);
    request_complete(request);
}

static enum step_result
find_session(struct request *request)
{
    struct http_slice cookie;
    unsigned char digest[SECRET_DIGEST_SIZE];
    credentials_read(request->head, request->loop->server->secure, &cookie);
    secret_digest(cookie.bytes, cookie.length, NULL, digest);
    return await_query(request, QUERY_SESSIONS_FIND, &DB_BINARY((const char *)digest, sizeof(digest)));
}

enum step_result
authenticate_ask_gate(struct request *request)
{
    switch (request->auth.credentials) {
    case CREDENTIALS_BEARER:
        request->auth.question.token_id = request->auth.token_id;
        request->auth.question.callback = on_gate;
        request->auth.question.argument = request;
        gate_ask(request->loop->gate, &request->auth.question);
        return request_wait(request);
    case CREDENTIALS_SESSION:
        return find_session(request);
    default:
        return STEP_NEXT;
    }
}

/* Whether the remembered token id still belongs to the presented token. After a restore, or a failover that
 * lost the last commits, PostgreSQL may have given the id to another token. */
static bool
is_presented_token(const struct request *request)
{
    const char *preview = request->auth.caller->token_preview;
    const size_t prefix = sizeof(TOKEN_PREFIX) - 1;
    return strncmp(preview, TOKEN_PREFIX, prefix) == 0 &&
           strncmp(preview + prefix, request->auth.lookup_id, TOKEN_LOOKUP_LENGTH) == 0;
}

/* A client over its limit, or with an expired token, could otherwise create one usage entry per call; such
 * calls share one. */
void
authenticate_share_usage_entry(struct request *request)
{
    request->auth.shares_usage_entry = true;
}

static enum step_result
refuse_expired(struct request *request)
{
    const struct caller *caller = request->auth.caller;
    char detail[160];
    request->auth.is_after_end = true;
    if (!rate_limits_take(request->loop->server->rate_limits, caller->token_id, caller->rate_limit,
                          clock_monotonic_ms())
             .allowed) {
        authenticate_share_usage_entry(request);
    }
    snprintf(detail, sizeof(detail), "The token expired at %s; generate a new one under Settings, API Keys.",
             caller->token_expires_at);
    return answer_challenge(&request->answer, PROBLEM_TOKEN_EXPIRED, detail);
}

static enum step_result
admit_token(struct request *request)
{
    bool is_known = request->auth.gate_status == GATE_ALIVE || request->auth.gate_status == GATE_EXPIRED;
    if (is_known && !is_presented_token(request)) {
        set_caller(request, NULL);
        return answer_challenge(&request->answer, PROBLEM_INVALID_TOKEN, NULL);
    }
    switch (request->auth.gate_status) {
    case GATE_ALIVE:
        return STEP_NEXT;
    case GATE_EXPIRED:
        return refuse_expired(request);
    case GATE_ENDED:
        request->auth.is_after_end = true;
        return refuse_ended(request, request->auth.token_id);
    default:
        return answer_refuse(&request->answer, PROBLEM_UNAVAILABLE, NULL);
    }
}

enum step_result
authenticate_admit(struct request *request)
{
    if (request->auth.credentials == CREDENTIALS_NONE) {
        return STEP_NEXT;
    }
    if (request->auth.credentials == CREDENTIALS_BEARER) {
        return admit_token(request);
    }
    if (await_failed(request, NULL)) {
        return STEP_DONE;
    }
    if (db_rows(request->outcome.result) == 0) {
        set_caller(request, NULL);
        return answer_challenge(&request->answer, PROBLEM_AUTHENTICATION_REQUIRED,
                                "The session is over; sign in again.");
    }
    set_caller(request, caller_of_session(request->outcome.result, 0));
    return STEP_NEXT;
}

enum step_result
authenticate_authorize(struct request *request)
{
    if (request->route->access == ROUTE_ORG_ADMIN && !request->auth.caller->is_admin) {
        return answer_refuse(&request->answer, PROBLEM_FORBIDDEN,
                             "Only the organization's owner and admins may do this; ask one of them.");
    }
    return STEP_NEXT;
}

/* --- the same once more, when time has passed --- */

static enum step_result
asked_again(struct request *request)
{
    enum step_result outcome = authenticate_admit(request);
    if (outcome == STEP_NEXT) {
        outcome = authenticate_authorize(request);
    }
    if (outcome == STEP_NEXT) {
        request_then(request, request->auth.then);
    }
    return outcome;
}

enum step_result
authenticate_again(struct request *request, request_function *then)
{
    request->auth.then = then;
    request_then(request, asked_again);
    return authenticate_ask_gate(request);
}

enum step_result
authenticate_after_body(struct request *request)
{
    bool has_arrived = request->body || request->route->body_form;
    bool is_due = has_arrived && request->auth.credentials != CREDENTIALS_NONE;
    return is_due ? authenticate_again(request, NULL) : STEP_NEXT;
}
