#include "server/resources/session.h"
#include "common/memory.h"
#include "common/token.h"
#include "server/http/client_name.h"
#include "server/request/input.h"
#include "server/request/renew.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COOKIE_BYTES       32
#define COOKIE_TEXT_SIZE   (2 * COOKIE_BYTES + 1)
#define SESSION_SECONDS    "604800" /* 7 days, as in sessions/create */
#define PASSWORD_BYTES_MAX 1024     /* more than 128 characters can have */
#define EMAIL_BYTES_MAX    254

/* The account of a caller; the same for a sign-in, where it comes from a row. */
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
    const struct caller *caller = request->caller;
    struct json_writer *writer = request_writer(request);
    const struct account account = {
        caller->user_id,  caller->organization_id,  caller->email, caller->name, caller->kind,
        caller->org_role, caller->organization_name
    };
    json_open_object(writer);
    write_account(writer, &account);
    write_api_key(writer, caller);
    json_close_object(writer);
    return request_answer_json(request, 200);
}

/* --- sign-out --- */

static void
set_cookie(struct request *request, const char *value, const char *max_age)
{
    char field[256];
    bool secure = request->loop->shared->secure;
    snprintf(field, sizeof(field), "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%s%s",
             secure ? CREDENTIALS_COOKIE_SECURE : CREDENTIALS_COOKIE, value, max_age,
             secure ? "; Secure" : "");
    request_add_field(request, "Set-Cookie", field);
    secret_wipe(field, sizeof(field));
}

static enum step_result
deleted(struct request *request)
{
    if (request_query_failed(request, NULL)) {
        return STEP_DONE;
    }
    set_cookie(request, "", "0");
    return request_answer_empty(request, 204);
}

enum step_result
session_delete(struct request *request)
{
    if (!request->caller->session_id) {
        return request_refuse(request, PROBLEM_NOT_FOUND,
                              "There is no session: the call was made with a token.");
    }
    char session[DB_NUMBER_SIZE], user[DB_NUMBER_SIZE];
    const struct db_value values[] = { db_number(session, request->caller->session_id),
                                       db_number(user, request->caller->user_id), DB_TEXT(request->id),
                                       DB_TEXT(request_address(request)) };
    request_then(request, deleted);
    return request_query(request, QUERY_SESSIONS_DELETE, values);
}

/* --- sign-in --- */

struct sign_in {
    const char *email, *password; /* in the request's body */
    size_t email_length, password_length;
    int64_t user_id; /* 0: nobody can sign in with that address */
    char hash[SECRET_HASH_SIZE];
    char cookie[COOKIE_TEXT_SIZE];
};

static void
free_sign_in(void *data)
{
    secret_wipe(data, sizeof(struct sign_in));
    free(data);
}

static enum step_result
began(struct request *request)
{
    struct sign_in *sign_in = request->handler_data;
    if (request_query_failed(request, NULL)) {
        return STEP_DONE;
    }
    const struct db_result *row = request->result;
    if (db_rows(row) == 0) {
        return request_challenge(request, PROBLEM_INVALID_CREDENTIALS, NULL);
    }
    renew_password_hash(request->loop, sign_in->user_id, sign_in->hash, sign_in->password,
                        sign_in->password_length);
    set_cookie(request, sign_in->cookie, SESSION_SECONDS);
    const struct account account = { db_int64(row, 0, 0), db_int64(row, 0, 5), db_text(row, 0, 1),
                                     db_text(row, 0, 2),  db_text(row, 0, 3),  db_text(row, 0, 4),
                                     db_text(row, 0, 6) };
    struct json_writer *writer = request_writer(request);
    json_open_object(writer);
    write_account(writer, &account);
    json_close_object(writer);
    return request_answer_json(request, 201);
}

static void
make_cookie(struct sign_in *sign_in)
{
    unsigned char random[COOKIE_BYTES];
    secret_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(sign_in->cookie + 2 * i, 3, "%02x", random[i]);
    }
    secret_wipe(random, sizeof(random));
}

static enum step_result
checked(struct request *request)
{
    struct sign_in *sign_in = request->handler_data;
    bool is_right = sign_in->user_id && request->hash->outcome == HASHER_MATCH;
    request_end_guess(request, !is_right);
    if (!is_right) {
        return request_challenge(request, PROBLEM_INVALID_CREDENTIALS, NULL);
    }
    make_cookie(sign_in);
    unsigned char digest[SECRET_DIGEST_SIZE];
    secret_digest(sign_in->cookie, COOKIE_TEXT_SIZE - 1, NULL, digest);
    char user[DB_NUMBER_SIZE], client[201];
    client_name(request->head->user_agent, client, sizeof(client));
    const struct db_value values[] = { db_number(user, sign_in->user_id),
                                       DB_TEXT(sign_in->hash),
                                       DB_BINARY((const char *)digest, sizeof(digest)),
                                       DB_TEXT(request_address(request)),
                                       DB_TEXT(client),
                                       DB_TEXT(request->id) };
    request_then(request, began);
    return request_query(request, QUERY_SESSIONS_CREATE, values);
}

/* An unknown address costs the same argon2 as a known one, so that time does not tell them apart. */
static enum step_result
found(struct request *request)
{
    struct sign_in *sign_in = request->handler_data;
    if (request_query_failed(request, NULL)) {
        return STEP_DONE;
    }
    const char *encoded = request->loop->shared->dummy_hash;
    if (db_rows(request->result) > 0) {
        sign_in->user_id = db_int64(request->result, 0, 0);
        encoded = db_text(request->result, 0, 1);
    }
    snprintf(sign_in->hash, sizeof(sign_in->hash), "%s", encoded);
    request_then(request, checked);
    return request_verify(request, HASHER_PASSWORDS, NULL, sign_in->hash, sign_in->password,
                          sign_in->password_length);
}

enum step_result
session_create(struct request *request)
{
    static const char *const known[] = { "email", "password", NULL };
    struct sign_in *sign_in = memory_new(1, sizeof(*sign_in));
    request->handler_data = sign_in;
    request->handler_free = free_sign_in;
    members_refuse_unknown(request, known);
    sign_in->email = members_text(request, "email", MEMBER_REQUIRED, &sign_in->email_length);
    sign_in->password = members_text(request, "password", MEMBER_REQUIRED, &sign_in->password_length);
    if (request_has_errors(request)) {
        return request_refuse_fields(request);
    }
    if (sign_in->email_length > EMAIL_BYTES_MAX || sign_in->password_length > PASSWORD_BYTES_MAX) {
        return request_challenge(request, PROBLEM_INVALID_CREDENTIALS, NULL);
    }
    /* A flood of sign-ins costs neither a query each nor the time of the loop. */
    if (!hasher_has_room(request->loop->mailbox, HASHER_PASSWORDS)) {
        return request_refuse(request, PROBLEM_UNAVAILABLE,
                              "Too many secrets are being checked; try again shortly.");
    }
    int64_t wait = request_begin_guess(request, GUESS_PASSWORD, sign_in->email);
    if (wait > 0) {
        request_add_lines(request, "Retry-After: %\r\n", &wait);
        return request_refuse(request, PROBLEM_RATE_LIMITED,
                              "Too many failed sign-ins; wait before the next try.");
    }
    request_then(request, found);
    return request_query(request, QUERY_SESSIONS_FIND_CREDENTIALS, &DB_TEXT(sign_in->email));
}
