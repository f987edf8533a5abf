#include "server/resources/session.h"
#include "common/memory.h"
#include "common/password.h"
#include "common/pasted_secret.h"
#include "server/http/client_name.h"
#include "server/request/await.h"
#include "server/request/endpoint.h"
#include "server/request/failed_sign_in.h"
#include "server/request/limits.h"
#include "server/request/password_proof.h"
#include "server/request/renew.h"
#include "server/request/session_cookie.h"
#include "server/server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMAIL_BYTES_MAX 254

/* --- the caller's own account --- */

/* The account as the API shows it. Its values come from the caller, or after a sign-in from a row. */
struct account {
    int64_t user_id, organization_id;
    const char *email, *name, *kind, *org_role, *organization_name;
};

static void
write_account(struct json_writer *writer, const struct account *account)
{
    json_key(writer, "user");
    json_open_object(writer);
    json_integer_member(writer, "id", account->user_id);
    json_text_member(writer, "email", account->email);
    json_text_member(writer, "name", account->name);
    json_text_member(writer, "kind", account->kind);
    json_text_member(writer, "orgRole", account->org_role);
    json_close_object(writer);
    json_key(writer, "organization");
    json_open_object(writer);
    json_integer_member(writer, "id", account->organization_id);
    json_text_member(writer, "name", account->organization_name);
    json_close_object(writer);
}

static void
write_api_key(struct json_writer *writer, const struct caller *caller)
{
    json_key(writer, "apiKey");
    if (!caller->token_id) {
        json_put_null(writer);
        return;
    }
    json_open_object(writer);
    json_integer_member(writer, "id", caller->token_id);
    json_text_member(writer, "name", caller->token_name);
    json_text_member(writer, "tokenPreview", caller->token_preview);
    json_text_member(writer, "createdAt", caller->token_created_at);
    json_text_member(writer, "expiresAt", caller->token_expires_at);
    json_integer_member(writer, "expiresInDays", caller->token_days);
    json_close_object(writer);
}

enum step_result
session_get(struct request *request)
{
    const struct caller *caller = request->auth.caller;
    const struct account account = {
        caller->user_id,  caller->organization_id,  caller->email, caller->name, caller->kind,
        caller->org_role, caller->organization_name
    };
    struct json_writer *writer = answer_json(&request->answer, 200);
    json_open_object(writer);
    write_account(writer, &account);
    write_api_key(writer, caller);
    json_close_object(writer);
    return STEP_DONE;
}

/* --- sign-in --- */

static const struct input credentials[] = {
    { "email", INPUT_LINE, .required = true },
    { "password", INPUT_PASSWORD, .required = true },
    { 0 },
};

struct sign_in {
    int64_t user_id;    /* 0: no account can sign in with that address */
    int64_t generation; /* of the account's sessions when its hash was read */
    char hash[SECRET_HASH_SIZE];
    char cookie[SESSION_COOKIE_SIZE];
};

static request_function found, checked, began;

static void
free_sign_in(void *data)
{
    secret_wipe(data, sizeof(struct sign_in));
    free(data);
}

enum step_result
session_create(struct request *request)
{
    if (!input_read(request, credentials)) {
        return STEP_DONE;
    }
    /* A secret pasted as the address is no account's, and should not reach PostgreSQL, which may log it. */
    if (input_length(request, "email") > EMAIL_BYTES_MAX ||
        input_length(request, "password") > PASSWORD_BYTES_MAX ||
        pasted_secret_find(input_text(request, "email"), input_length(request, "email"), NULL)) {
        failed_sign_in_note(request, SIGN_IN_MALFORMED);
        return answer_challenge(&request->answer, PROBLEM_INVALID_CREDENTIALS, NULL);
    }
    if (password_proof_refused(request, input_text(request, "email"))) {
        return STEP_DONE;
    }
    request->handler_data = memory_new(1, sizeof(struct sign_in));
    request->handler_free = free_sign_in;
    request_then(request, found);
    return endpoint_query(request, QUERY_SESSIONS_FIND_CREDENTIALS, NULL);
}

/* An unknown address costs the same argon2 as a known one, so that timing does not reveal which it is. */
static void
choose_hash(struct sign_in *sign_in, const struct db_result *found_hash, const char *dummy_hash)
{
    if (db_rows(found_hash) > 0 && !db_is_null(found_hash, 0, 0)) {
        sign_in->user_id = db_int64(found_hash, 0, 0);
        sign_in->generation = db_int64(found_hash, 0, 2);
        snprintf(sign_in->hash, sizeof(sign_in->hash), "%s", db_text(found_hash, 0, 1));
    } else if (db_rows(found_hash) == 0 ||
               !secret_imitate_cost(dummy_hash, db_text(found_hash, 0, 3), sign_in->hash)) {
        snprintf(sign_in->hash, sizeof(sign_in->hash), "%s", dummy_hash);
    }
}

static enum step_result
found(struct request *request)
{
    struct sign_in *sign_in = request->handler_data;
    if (await_failed(request, NULL)) {
        return STEP_DONE;
    }
    choose_hash(sign_in, request->outcome.result, request->loop->server->dummy_hash);
    if (sign_in->user_id && limits_refuse_sign_in(request, sign_in->user_id)) {
        return STEP_DONE;
    }
    return password_proof_compare(request, "password", sign_in->hash, checked);
}

static enum step_result
checked(struct request *request)
{
    struct sign_in *sign_in = request->handler_data;
    bool is_right = sign_in->user_id && request->outcome.hash->outcome == HASHER_MATCH;
    outcome_settle_guess(&request->outcome, !is_right);
    if (!is_right) {
        failed_sign_in_record(request, sign_in->user_id ? SIGN_IN_WRONG_PASSWORD : SIGN_IN_UNKNOWN_ACCOUNT,
                              input_text(request, "email"));
        return answer_challenge(&request->answer, PROBLEM_INVALID_CREDENTIALS, NULL);
    }
    limits_count_sign_in(request, sign_in->user_id);
    unsigned char digest[SECRET_DIGEST_SIZE], replaced[SECRET_DIGEST_SIZE];
    session_cookie_make(sign_in->cookie, digest);
    bool replaces = session_cookie_read(request, replaced);
    char client[SESSION_CLIENT_SIZE];
    client_name(request->head->user_agent, client, sizeof(client));
    const struct db_named values[] = {
        { "person", DB_INT64(sign_in->user_id) },
        { "generation", DB_INT64(sign_in->generation) },
        { "digest", DB_BINARY((const char *)digest, sizeof(digest)) },
        { "replaced", replaces ? DB_BINARY((const char *)replaced, sizeof(replaced)) : DB_NULL },
        { "address", DB_TEXT(request_address(request)) },
        { "client", DB_TEXT(client) },
        { "request", DB_TEXT(request->id) },
        { 0 },
    };
    request_then(request, began);
    return endpoint_query(request, QUERY_SESSIONS_CREATE, values);
}

static enum step_result
began(struct request *request)
{
    struct sign_in *sign_in = request->handler_data;
    const struct db_result *row = request->outcome.result;
    if (await_failed(request, NULL)) {
        return STEP_DONE;
    }
    if (db_rows(row) == 0) {
        return answer_challenge(&request->answer, PROBLEM_INVALID_CREDENTIALS, NULL);
    }
    renew_password_hash(request->loop, sign_in->user_id, sign_in->hash, input_text(request, "password"),
                        input_length(request, "password"));
    session_cookie_set(request, sign_in->cookie, db_int64(row, 0, 7));
    const struct account account = { db_int64(row, 0, 0), db_int64(row, 0, 5), db_text(row, 0, 1),
                                     db_text(row, 0, 2),  db_text(row, 0, 3),  db_text(row, 0, 4),
                                     db_text(row, 0, 6) };
    struct json_writer *writer = answer_json(&request->answer, 201);
    json_open_object(writer);
    write_account(writer, &account);
    json_close_object(writer);
    return STEP_DONE;
}

/* --- the password once more --- */

static const struct input confirmation[] = {
    { "password", INPUT_PASSWORD, .required = true },
    { 0 },
};

static request_function proven, counted, confirmed;

enum step_result
session_confirm(struct request *request)
{
    if (!request->auth.caller->session_id) {
        return answer_refuse(&request->answer, PROBLEM_NOT_FOUND,
                             "There is no session to confirm: the request was made with a token.");
    }
    if (!input_read(request, confirmation)) {
        return STEP_DONE;
    }
    return password_proof_of_caller(request, "password", proven);
}

static enum step_result
proven(struct request *request)
{
    if (!password_proof_succeeded(request)) {
        request_then(request, counted);
        return endpoint_query(request, QUERY_SESSIONS_COUNT_WRONG_PASSWORD, NULL);
    }
    request_then(request, confirmed);
    return endpoint_query(request, QUERY_SESSIONS_CONFIRM, NULL);
}

static enum step_result
counted(struct request *request)
{
    return endpoint_refused(request, NULL, false)
               ? STEP_DONE
               : answer_challenge(&request->answer, PROBLEM_INVALID_CREDENTIALS,
                                  "The password is wrong; ten wrong ones in a row end the session.");
}

static enum step_result
confirmed(struct request *request)
{
    return endpoint_refused(request, NULL, true) ? STEP_DONE : answer_empty(&request->answer, 204);
}

/* --- sign-out --- */

static request_function ended;

enum step_result
session_delete(struct request *request)
{
    if (!request->auth.caller->session_id) {
        return answer_refuse(&request->answer, PROBLEM_NOT_FOUND,
                             "There is no session to end: the request was made with a token.");
    }
    request_then(request, ended);
    return endpoint_query(request, QUERY_SESSIONS_DELETE, NULL);
}

static enum step_result
ended(struct request *request)
{
    if (endpoint_refused(request, NULL, true)) {
        return STEP_DONE;
    }
    session_cookie_set(request, "", 0);
    return answer_empty(&request->answer, 204);
}
