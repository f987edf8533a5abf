#include "server/request/authenticate.h"
#include "common/log.h"
#include "common/token.h"
#include "server/metrics.h"
#include "server/request/renew.h"
#include "server/request/route.h"
#include <stdio.h>
#include <string.h>

static bool
is_unsafe(enum http_method method)
{
    return method != HTTP_GET && method != HTTP_HEAD && method != HTTP_OPTIONS;
}

/* Whether Origin is ours: the public URL's, or the host that was asked. */
static bool
origin_is_ours(const struct request *request)
{
    struct http_slice origin = request->head->origin, host = request->head->host;
    if (http_slice_equals_nocase(origin, request->loop->shared->config->public_url)) {
        return true;
    }
    const char *scheme = request->loop->shared->secure ? "https://" : "http://";
    size_t length = strlen(scheme);
    return host.length > 0 && origin.length == length + host.length &&
           memcmp(origin.bytes, scheme, length) == 0 &&
           memcmp(origin.bytes + length, host.bytes, host.length) == 0;
}

/* A browser says where a request comes from; an unsafe one must come from our own pages. With
 * `silent_passes`, a client that says nothing is no browser. */
static bool
is_same_origin(const struct request *request, bool silent_passes)
{
    if (request->head->sec_fetch_site.bytes) {
        return http_slice_equals(request->head->sec_fetch_site, "same-origin");
    }
    if (request->head->origin.bytes) {
        return origin_is_ours(request);
    }
    return silent_passes;
}

enum step_result
authenticate_same_origin(struct request *request)
{
    struct http_slice secret;
    bool anyone = request->route->access == ROUTE_ANYONE;
    request->credentials = credentials_read(request->head, request->loop->shared->secure, &secret);
    if (is_unsafe(request->head->method) && (anyone || request->credentials == CREDENTIALS_SESSION) &&
        !is_same_origin(request, anyone)) {
        return request_refuse(request, PROBLEM_CROSS_SITE, NULL);
    }
    return STEP_NEXT;
}

enum step_result
authenticate_identify(struct request *request)
{
    if (request->route->access == ROUTE_ANYONE) {
        request->credentials = CREDENTIALS_NONE;
        return STEP_NEXT;
    }
    struct http_slice secret;
    switch (credentials_read(request->head, request->loop->shared->secure, &secret)) {
    case CREDENTIALS_NONE:
        return request_challenge(request, PROBLEM_AUTHENTICATION_REQUIRED, NULL);
    case CREDENTIALS_SESSION:
        return STEP_NEXT;
    case CREDENTIALS_BEARER:
        break;
    }
    if (!token_parse(secret.bytes, secret.length, request->lookup_id)) {
        return request_challenge(request, PROBLEM_INVALID_TOKEN, NULL);
    }
    struct verified *verified = request->loop->shared->verified;
    verified_key_of(verified, secret.bytes, secret.length, &request->verified_key);
    enum verified_answer answer = verified_find(verified, &request->verified_key, &request->token_id);
    struct metrics *metrics = &request->loop->metrics;
    counter_add(answer == VERIFIED_UNKNOWN ? &metrics->verified_misses : &metrics->verified_hits, 1);
    return answer == VERIFIED_WRONG ? request_challenge(request, PROBLEM_INVALID_TOKEN, NULL) : STEP_NEXT;
}

static bool
is_unproven(const struct request *request)
{
    return request->credentials == CREDENTIALS_BEARER && request->token_id == 0;
}

enum step_result
authenticate_find_hash(struct request *request)
{
    if (!is_unproven(request)) {
        return STEP_NEXT;
    }
    return request_query(request, QUERY_GATE_FIND_HASH, &DB_TEXT(request->lookup_id));
}

/* How many seconds the guess has to wait, 0 when it may be checked now. The same token many times at once is
 * one guess. */
static int64_t
begin_guess(struct request *request, const char *encoded)
{
    if (hasher_is_under_way(request->loop->mailbox, HASHER_TOKENS, request->verified_key.bytes, encoded)) {
        return 0;
    }
    return request_begin_guess(request, GUESS_TOKEN, request->lookup_id);
}

enum step_result
authenticate_prove(struct request *request)
{
    if (!is_unproven(request)) {
        return STEP_NEXT;
    }
    if (request_query_failed(request, NULL)) {
        return STEP_DONE;
    }
    if (db_rows(request->result) == 0 || db_is_null(request->result, 0, 1)) {
        return request_challenge(request, PROBLEM_INVALID_TOKEN, NULL);
    }
    const char *encoded = db_text(request->result, 0, 1);
    int64_t wait = begin_guess(request, encoded);
    if (wait > 0) {
        counter_add(&request->loop->metrics.guesses_refused, 1);
        request_add_lines(request, "Retry-After: %\r\n", &wait);
        return request_refuse(request, PROBLEM_RATE_LIMITED,
                              "Too many wrong tokens came from this address; wait before the next try.");
    }
    struct http_slice token;
    credentials_read(request->head, request->loop->shared->secure, &token);
    return request_verify(request, HASHER_TOKENS, request->verified_key.bytes, encoded, token.bytes,
                          token.length);
}

static void
renew_hash(struct request *request)
{
    struct http_slice token;
    credentials_read(request->head, request->loop->shared->secure, &token);
    renew_token_hash(request->loop, request->token_id, db_text(request->result, 0, 1), token.bytes,
                     token.length);
}

enum step_result
authenticate_proven(struct request *request)
{
    if (!is_unproven(request)) {
        return STEP_NEXT;
    }
    struct verified *verified = request->loop->shared->verified;
    int64_t token_id = db_int64(request->result, 0, 0);
    request_end_guess(request, request->hash->outcome == HASHER_MISMATCH);
    switch (request->hash->outcome) {
    case HASHER_MATCH:
        request->token_id = token_id;
        if (verified_remember(verified, &request->verified_key, VERIFIED_GOOD, token_id)) {
            renew_hash(request);
        }
        return STEP_NEXT;
    case HASHER_MISMATCH:
        verified_remember(verified, &request->verified_key, VERIFIED_WRONG, token_id);
        return request_challenge(request, PROBLEM_INVALID_TOKEN, NULL);
    default:
        log_error("a stored hash cannot be read", log_text("request", request->id),
                  log_number("token", token_id));
        return request_refuse(request, PROBLEM_INTERNAL, NULL);
    }
}

static void
on_gate(enum gate_status status, struct caller *caller, void *argument)
{
    struct request *request = argument;
    request->gate_status = status;
    request->caller = caller ? caller_keep(caller) : NULL;
    request_complete(request);
}

static enum step_result
find_session(struct request *request)
{
    struct http_slice cookie;
    unsigned char digest[SECRET_DIGEST_SIZE];
    credentials_read(request->head, request->loop->shared->secure, &cookie);
    secret_digest(cookie.bytes, cookie.length, NULL, digest);
    return request_query(request, QUERY_SESSIONS_FIND, &DB_BINARY((const char *)digest, sizeof(digest)));
}

enum step_result
authenticate_ask(struct request *request)
{
    switch (request->credentials) {
    case CREDENTIALS_BEARER:
        request->question.token_id = request->token_id;
        request->question.callback = on_gate;
        request->question.argument = request;
        gate_ask(request->loop->gate, &request->question);
        return request_wait(request);
    case CREDENTIALS_SESSION:
        return find_session(request);
    default:
        return STEP_NEXT;
    }
}

/* Whether what was remembered of the token led to the token itself. In a database that was restored, or that
 * took over without the last commits of another, its id may have been given again. */
static bool
is_its_own(const struct request *request)
{
    const char *preview = request->caller->token_preview;
    const size_t prefix = sizeof(TOKEN_PREFIX) - 1;
    return strncmp(preview, TOKEN_PREFIX, prefix) == 0 &&
           strncmp(preview + prefix, request->lookup_id, TOKEN_LOOKUP_LENGTH) == 0;
}

static enum step_result
admit_token(struct request *request)
{
    bool is_known = request->gate_status == GATE_ALIVE || request->gate_status == GATE_EXPIRED;
    if (is_known && !is_its_own(request)) {
        caller_free(request->caller);
        request->caller = NULL;
        return request_challenge(request, PROBLEM_INVALID_TOKEN, NULL);
    }
    switch (request->gate_status) {
    case GATE_ALIVE:
        return STEP_NEXT;
    case GATE_EXPIRED: {
        char detail[160];
        snprintf(detail, sizeof(detail),
                 "The token expired at %s; generate a new one under Settings, API Keys.",
                 request->caller->token_expires_at);
        return request_challenge(request, PROBLEM_TOKEN_EXPIRED, detail);
    }
    case GATE_ENDED:
        return request_challenge(request, PROBLEM_INVALID_TOKEN, NULL);
    default:
        return request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    }
}

enum step_result
authenticate_admit(struct request *request)
{
    if (request->credentials == CREDENTIALS_NONE) {
        return STEP_NEXT;
    }
    if (request->credentials == CREDENTIALS_BEARER) {
        return admit_token(request);
    }
    if (request_query_failed(request, NULL)) {
        return STEP_DONE;
    }
    if (db_rows(request->result) == 0) {
        return request_challenge(request, PROBLEM_AUTHENTICATION_REQUIRED,
                                 "The session is over; sign in again.");
    }
    request->caller = caller_of_session(request->result, 0);
    return STEP_NEXT;
}

enum step_result
authenticate_authorize(struct request *request)
{
    if (request->route->access == ROUTE_ORG_ADMIN && !request->caller->is_admin) {
        return request_refuse(request, PROBLEM_FORBIDDEN,
                              "Only the organization's owner and admins may do this; ask one of them.");
    }
    return STEP_NEXT;
}
