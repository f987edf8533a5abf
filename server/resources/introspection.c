#include "server/resources/introspection.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/token.h"
#include "server/http/query.h"
#include "server/request/authenticate.h"
#include "server/request/await.h"
#include "server/request/endpoint.h"
#include "server/request/renew.h"
#include "server/server.h"
#include <stdlib.h>
#include <string.h>

struct introspection {
    char lookup_id[TOKEN_LOOKUP_LENGTH + 1];
    struct verified_key key;
    int64_t token_id; /* of the look-up id */
    char token[];     /* as it was given: any text */
};

static request_function found, hash_found, compared;

/* RFC 7662 §2.2: why a token is not active is not said. */
static enum step_result
inactive(struct request *request)
{
    struct json_writer *writer = answer_json(&request->answer, 200);
    json_open_object(writer);
    json_boolean_member(writer, "active", false);
    json_close_object(writer);
    return STEP_DONE;
}

static enum step_result
query(struct request *request, enum query query, request_function *then)
{
    const struct introspection *asked = request->handler_data;
    const struct db_named values[] = { { "lookup", DB_TEXT(asked->lookup_id) }, { 0 } };
    request_then(request, then);
    return endpoint_query(request, query, values);
}

/* Null without a token, for which the answer is set. */
static struct introspection *
read_form(struct request *request)
{
    size_t length;
    const char *bytes = connection_body(request->connection, &length);
    struct introspection *asked = memory_new(1, sizeof(*asked) + length + 1);
    request->handler_data = asked;
    request->handler_free = free;
    struct http_slice form = { bytes, length };
    int given = http_query_parameter(form, "token", asked->token, length + 1);
    if (given == 1 && asked->token[0]) {
        return asked;
    }
    answer_field_error(&request->answer, "token",
                       given < 0 ? "must be given once, in a form's encoding" : "is required");
    answer_refuse_fields(&request->answer);
    return NULL;
}

enum step_result
introspection_post(struct request *request)
{
    const struct caller *caller = request->auth.caller;
    if (!caller->is_admin && strcmp(caller->kind, "service") != 0) {
        return answer_refuse(
            &request->answer, PROBLEM_FORBIDDEN,
            "Only the organization's owner and admins and its service accounts may introspect tokens.");
    }
    struct introspection *asked = read_form(request);
    if (!asked) {
        return STEP_DONE;
    }
    if (!token_parse(asked->token, strlen(asked->token), asked->lookup_id)) {
        return inactive(request);
    }
    verified_key_of(request->loop->server->verified, asked->token, TOKEN_LENGTH, &asked->key);
    return query(request, QUERY_API_KEYS_INTROSPECT, found);
}

static enum step_result
found(struct request *request)
{
    struct introspection *asked = request->handler_data;
    int64_t proven_id = 0;
    if (await_failed(request, NULL)) {
        return STEP_DONE;
    }
    if (db_rows(request->outcome.result) == 0) {
        return inactive(request);
    }
    asked->token_id = db_int64(request->outcome.result, 0, db_column(request->outcome.result, "apiKeyId"));
    switch (verified_find(request->loop->server->verified, &asked->key, &proven_id)) {
    case VERIFIED_GOOD:
        return proven_id == asked->token_id ? endpoint_answer_row(request, 200) : inactive(request);
    case VERIFIED_WRONG:
        return inactive(request);
    case VERIFIED_UNKNOWN:
        break;
    }
    return query(request, QUERY_API_KEYS_FIND_LIVE, hash_found);
}

/* Wrong secrets of one token are slowed down, whoever shows them to the service that asks. */
static enum step_result
hash_found(struct request *request)
{
    const struct introspection *asked = request->handler_data;
    const struct db_result *row = request->outcome.result;
    if (await_failed(request, NULL)) {
        return STEP_DONE;
    }
    if (db_rows(row) == 0 || db_int64(row, 0, 0) != asked->token_id) {
        return inactive(request);
    }
    int64_t wait = await_begin_token_guess(request, GUESS_INTROSPECTION, asked->lookup_id, asked->key.bytes,
                                           db_text(row, 0, 1));
    if (wait > 0) {
        counter_add(&request->loop->metrics.guesses_refused, 1);
        answer_add_headers(&request->answer, "Retry-After: %\r\n", &wait);
        return answer_refuse(&request->answer, PROBLEM_RATE_LIMITED,
                             "Too many wrong tokens like this one were asked about; wait before the next.");
    }
    request_then(request, compared);
    return await_verify(request, HASHER_TOKENS, asked->key.bytes, db_text(row, 0, 1), asked->token,
                        TOKEN_LENGTH);
}

static enum step_result
ask_once_more(struct request *request)
{
    return query(request, QUERY_API_KEYS_INTROSPECT, found);
}

/* Both tokens may have ended while argon2 ran: the one of the caller, and the one that was asked about. */
static enum step_result
compared(struct request *request)
{
    const struct introspection *asked = request->handler_data;
    struct verified *verified = request->loop->server->verified;
    enum hasher_outcome outcome = request->outcome.hash->outcome;
    outcome_settle_guess(&request->outcome, outcome == HASHER_MISMATCH);
    if (outcome == HASHER_MATCH) {
        if (verified_remember(verified, &asked->key, VERIFIED_GOOD, asked->token_id)) {
            renew_token_hash(request->loop, asked->token_id, db_text(request->outcome.result, 0, 1),
                             asked->token, TOKEN_LENGTH);
        }
        return authenticate_again(request, ask_once_more);
    }
    if (outcome == HASHER_MISMATCH) {
        verified_remember(verified, &asked->key, VERIFIED_WRONG, asked->token_id);
        return inactive(request);
    }
    log_error("a stored hash cannot be read", log_text("request", request->id),
              log_number("token", asked->token_id));
    return answer_refuse(&request->answer, PROBLEM_INTERNAL, NULL);
}
