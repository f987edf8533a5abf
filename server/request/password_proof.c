#include "server/request/password_proof.h"
#include "common/memory.h"
#include "common/password.h"
#include "server/request/await.h"
#include "server/request/endpoint.h"
#include "server/request/failed_sign_in.h"
#include "server/request/limits.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static request_function compared, hash_found;

void
password_proof_free(struct password_proof *proof)
{
    if (proof) {
        secret_wipe(proof, sizeof(*proof));
        free(proof);
    }
}

/* --- the parts --- */

bool
password_proof_refused(struct request *request, const char *email)
{
    /* Refuse early: a flood of sign-ins should cost neither queries nor much of the loop's time. */
    if (!hasher_has_room(request->loop->mailbox, HASHER_PASSWORDS)) {
        answer_refuse(&request->answer, PROBLEM_UNAVAILABLE,
                      "Too many secrets are being checked; try again shortly.");
        return true;
    }
    int64_t wait = await_begin_guess(request, GUESS_PASSWORD, email);
    if (wait > 0) {
        failed_sign_in_note(request, SIGN_IN_THROTTLED);
        answer_add_headers(&request->answer, "Retry-After: %\r\n", &wait);
        answer_refuse(&request->answer, PROBLEM_RATE_LIMITED,
                      "Too many failed sign-ins; wait before the next try.");
    }
    return wait > 0;
}

static void
begin(struct request *request, const char *input, request_function *then)
{
    password_proof_free(request->proof);
    request->proof = memory_new(1, sizeof(*request->proof));
    request->proof->input = input;
    request->proof->then = then;
}

static enum step_result
compare(struct request *request, const char *hash)
{
    struct password_proof *proof = request->proof;
    snprintf(proof->hash, sizeof(proof->hash), "%s", hash);
    request_then(request, compared);
    return await_verify(request, HASHER_PASSWORDS, NULL, proof->hash, input_text(request, proof->input),
                        input_length(request, proof->input));
}

enum step_result
password_proof_compare(struct request *request, const char *input, const char *hash, request_function *then)
{
    begin(request, input, then);
    return compare(request, hash);
}

static enum step_result
compared(struct request *request)
{
    const struct password_proof *proof = request->proof;
    size_t length;
    const char *typed = json_string(json_member(json_root(request->body), proof->input), &length);
    bool is_normal = length == input_length(request, proof->input) &&
                     memcmp(typed, input_text(request, proof->input), length) == 0;
    if (is_normal || request->outcome.hash->outcome == HASHER_MATCH) {
        return proof->then(request);
    }
    request_then(request, proof->then);
    return await_verify(request, HASHER_PASSWORDS, NULL, proof->hash, typed, length);
}

/* --- the whole --- */

enum step_result
password_proof_of_caller(struct request *request, const char *input, request_function *then)
{
    const struct caller *caller = request->auth.caller;
    if (input_length(request, input) > PASSWORD_BYTES_MAX) {
        return then(request); /* nobody's password: wrong without argon2 */
    }
    if (password_proof_refused(request, caller->email) || limits_refuse_sign_in(request, caller->user_id)) {
        return STEP_DONE;
    }
    begin(request, input, then);
    request_then(request, hash_found);
    return endpoint_query(request, QUERY_ACCOUNT_FIND_HASH, NULL);
}

static enum step_result
hash_found(struct request *request)
{
    if (await_failed(request, NULL)) {
        return STEP_DONE;
    }
    const struct db_result *found = request->outcome.result;
    if (db_rows(found) == 0) {
        return answer_challenge(&request->answer, PROBLEM_AUTHENTICATION_REQUIRED,
                                "The session is over; sign in again.");
    }
    return compare(request, db_text(found, 0, db_column(found, "password_hash")));
}

bool
password_proof_succeeded(struct request *request)
{
    /* NULL when argon2 was spared: a caller with a session has needed none before. */
    const struct hasher_result *hash = request->outcome.hash;
    const struct caller *caller = request->auth.caller;
    bool is_right = hash && hash->outcome == HASHER_MATCH;
    outcome_settle_guess(&request->outcome, !is_right);
    if (is_right) {
        limits_count_sign_in(request, caller->user_id);
    } else {
        failed_sign_in_record(request, SIGN_IN_WRONG_PASSWORD, caller->email);
    }
    return is_right;
}
