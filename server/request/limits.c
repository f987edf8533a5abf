#include "server/request/limits.h"
#include "common/clock.h"
#include "common/secret.h"
#include "server/request/authenticate.h"
#include "server/server.h"
#include <string.h>

static enum step_result
refuse(struct request *request, int64_t seconds, const char *detail)
{
    counter_add(&request->loop->metrics.rate_limited, 1);
    answer_add_headers(&request->answer, "Retry-After: %\r\n", &seconds);
    return answer_refuse(&request->answer, PROBLEM_RATE_LIMITED, detail);
}

/* --- requests --- */

static void
add_fields(struct request *request, const struct rate_decision *decision)
{
    answer_add_headers(&request->answer,
                       "RateLimit-Policy: \"default\";q=%;w=60, \"burst\";q=%;w=%\r\n"
                       "RateLimit: \"default\";r=%;t=%\r\n",
                       (const int64_t[]){ decision->quota, decision->burst, decision->burst_seconds,
                                          decision->remaining, decision->reset_seconds });
}

static enum step_result
refuse_request(struct request *request, const struct rate_decision *decision)
{
    authenticate_share_usage_entry(request);
    return refuse(request, decision->reset_seconds, NULL);
}

/* A part of the cookie's digest, which nobody can choose. */
static int64_t
session_number(const struct request *request)
{
    struct http_slice cookie;
    unsigned char digest[SECRET_DIGEST_SIZE];
    int64_t number;
    credentials_read(request->head, request->loop->server->secure, &cookie);
    secret_digest(cookie.bytes, cookie.length, NULL, digest);
    memcpy(&number, digest, sizeof(number));
    return number;
}

enum step_result
limits_check_session(struct request *request)
{
    if (request->auth.credentials != CREDENTIALS_SESSION) {
        return STEP_NEXT;
    }
    request->auth.session_number = session_number(request);
    struct rate_decision decision = rate_limits_peek_session(
        request->loop->server->rate_limits, request->auth.session_number, clock_monotonic_ms());
    if (decision.allowed) {
        return STEP_NEXT;
    }
    add_fields(request, &decision);
    return refuse_request(request, &decision);
}

/* --- leases, while other servers live --- */

#define LEASE_WAITS_MAX 3

enum step_result
limits_ask_for_lease(struct request *request)
{
    struct rate_limits *limits = request->loop->server->rate_limits;
    if (request->auth.token_id && rate_limits_servers(limits) > 1 &&
        rate_limits_lacks_lease(limits, request->auth.token_id, clock_monotonic_us())) {
        request->auth.lease.is_counted = true;
        lease_client_ask(request->loop->leases, request->auth.token_id, 1);
    }
    return STEP_NEXT;
}

static void
on_lease(bool is_answered, void *argument)
{
    struct request *request = argument;
    request->auth.lease_failed = !is_answered;
    request_complete(request);
}

static request_function lease_arrived;

static enum step_result
wait_for_lease(struct request *request)
{
    struct lease_question *question = &request->auth.lease;
    question->is_counted = question->is_counted && request->auth.lease_waits == 0;
    question->token_id = request->auth.caller->token_id;
    question->callback = on_lease;
    question->argument = request;
    request->auth.lease_waits++;
    lease_client_wait(request->loop->leases, question);
    request_then(request, lease_arrived);
    return request_wait(request);
}

static enum step_result
lease_arrived(struct request *request)
{
    if (request->auth.lease_failed) {
        return answer_refuse(&request->answer, PROBLEM_UNAVAILABLE, NULL);
    }
    return limits_count(request);
}

enum step_result
limits_count(struct request *request)
{
    const struct caller *caller = request->auth.caller;
    if (!caller) {
        return STEP_NEXT;
    }
    const struct rate_caller counted = { .token_id = caller->token_id,
                                         .session = request->auth.session_number,
                                         .user_id = caller->user_id,
                                         .quota = caller->rate_limit };
    struct rate_decision decision =
        rate_limits_take_call(request->loop->server->rate_limits, &counted, clock_monotonic_ms());
    if (decision.needs_lease && request->auth.lease_waits < LEASE_WAITS_MAX) {
        return wait_for_lease(request);
    }
    if (decision.lease_is_low) {
        lease_client_ask(request->loop->leases, caller->token_id, 0);
    }
    add_fields(request, &decision);
    return decision.allowed ? STEP_NEXT : refuse_request(request, &decision);
}

/* --- acts --- */

static bool
refuse_act(struct request *request, int64_t wait, const char *detail)
{
    if (wait > 0) {
        refuse(request, wait, detail);
    }
    return wait > 0;
}

bool
limits_refuse_creation(struct request *request)
{
    int64_t wait = rate_limits_take_act(request->loop->server->rate_limits, RATE_CREATION,
                                        request->auth.caller->user_id, clock_monotonic_ms());
    return refuse_act(request, wait,
                      "The account has created too much in a short time; wait before the next.");
}

bool
limits_refuse_sign_in(struct request *request, int64_t user_id)
{
    int64_t wait =
        rate_limits_act_wait(request->loop->server->rate_limits, RATE_SIGN_IN, user_id, clock_monotonic_ms());
    return refuse_act(request, wait, "The account has signed in too often; wait before the next time.");
}

void
limits_count_sign_in(struct request *request, int64_t user_id)
{
    rate_limits_take_act(request->loop->server->rate_limits, RATE_SIGN_IN, user_id, clock_monotonic_ms());
}
