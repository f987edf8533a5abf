#include "server/resources/leaks.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/token.h"
#include "server/request/await.h"
#include "server/request/endpoint.h"
#include "server/server.h"
#include <stdlib.h>

static const struct input report[] = {
    { "token", INPUT_LINE, .required = true },
    { 0 },
};

struct leak {
    const char *token; /* of TOKEN_LENGTH, in the report */
    char lookup_id[TOKEN_LOOKUP_LENGTH + 1];
    struct verified_key key;
    enum verified_answer answer; /* what the server knew of the token before */
    int64_t token_id;            /* of a token that it knew to be right; else 0 */
};

static request_function found, compared, revoked;

static enum step_result
accepted(struct request *request)
{
    outcome_settle_guess(&request->outcome, true); /* each report is charged, also one that is right */
    return answer_empty(&request->answer, 202);
}

/* Whoever finds a token finds it in a line of a log or of a file, and need not know where it begins. NULL
 * when there is none. */
static const char *
find_token(const char *text, size_t length, char ret_lookup[TOKEN_LOOKUP_LENGTH + 1])
{
    for (size_t i = 0; i + TOKEN_LENGTH <= length; i++) {
        if (token_parse(text + i, TOKEN_LENGTH, ret_lookup)) {
            return text + i;
        }
    }
    return NULL;
}

/* A report is charged before it costs anything. A text that cannot be a token costs nothing. */
enum step_result
leaks_report(struct request *request)
{
    if (!input_read(request, report)) {
        return STEP_DONE;
    }
    struct leak *leak = request->handler_data = memory_new(1, sizeof(*leak));
    request->handler_free = free;
    leak->token = find_token(input_text(request, "token"), input_length(request, "token"), leak->lookup_id);
    if (!leak->token) {
        return answer_empty(&request->answer, 202);
    }
    int64_t wait = await_begin_guess(request, GUESS_LEAK, leak->lookup_id);
    if (wait > 0) {
        counter_add(&request->loop->metrics.guesses_refused, 1);
        answer_add_headers(&request->answer, "Retry-After: %\r\n", &wait);
        return answer_refuse(&request->answer, PROBLEM_RATE_LIMITED,
                             "Too many tokens were reported from this address; wait before the next.");
    }
    struct verified *verified = request->loop->server->verified;
    verified_key_of(verified, leak->token, TOKEN_LENGTH, &leak->key);
    leak->answer = verified_find(verified, &leak->key, &leak->token_id);
    if (leak->answer == VERIFIED_WRONG) {
        return accepted(request);
    }
    const struct db_named values[] = { { "lookup", DB_TEXT(leak->lookup_id) }, { 0 } };
    request_then(request, found);
    return endpoint_query(request, QUERY_API_KEYS_FIND_LIVE, values);
}

static enum step_result
revoke(struct request *request, int64_t token_id)
{
    const struct leak *leak = request->handler_data;
    const struct db_named values[] = {
        { "id", DB_INT64(token_id) },
        { "lookup", DB_TEXT(leak->lookup_id) },
        { "address", DB_TEXT(request_address(request)) },
        { "request", DB_TEXT(request->id) },
        { 0 },
    };
    request_then(request, revoked);
    return endpoint_query(request, QUERY_API_KEYS_REPORT_LEAK, values);
}

/* argon2 runs in the share of passwords, so that a flood of reports keeps no token waiting. */
static enum step_result
found(struct request *request)
{
    struct leak *leak = request->handler_data;
    const struct db_result *row = request->outcome.result;
    if (await_failed(request, NULL)) {
        return STEP_DONE;
    }
    if (db_rows(row) == 0) {
        return accepted(request);
    }
    int64_t token_id = db_int64(row, 0, 0);
    if (leak->answer == VERIFIED_GOOD && leak->token_id == token_id) {
        return revoke(request, token_id);
    }
    leak->token_id = token_id;
    request_then(request, compared);
    return await_verify(request, HASHER_PASSWORDS, leak->key.bytes, db_text(row, 0, 1), leak->token,
                        TOKEN_LENGTH);
}

static enum step_result
compared(struct request *request)
{
    const struct leak *leak = request->handler_data;
    if (request->outcome.hash->outcome == HASHER_MATCH) {
        return revoke(request, leak->token_id);
    }
    if (request->outcome.hash->outcome == HASHER_MISMATCH) {
        verified_remember(request->loop->server->verified, &leak->key, VERIFIED_WRONG, leak->token_id);
    }
    return accepted(request);
}

static enum step_result
revoked(struct request *request)
{
    if (await_failed(request, NULL)) {
        return STEP_DONE;
    }
    if (db_rows(request->outcome.result) > 0) {
        log_warning("a token was reported as leaked and is revoked",
                    log_number("token", db_int64(request->outcome.result, 0, 0)),
                    log_text("address", request_address(request)), log_text("request", request->id));
    }
    return accepted(request);
}
