#include "server/resources/account.h"
#include "common/memory.h"
#include "common/password.h"
#include "server/http/client_name.h"
#include "server/request/authenticate.h"
#include "server/request/await.h"
#include "server/request/endpoint.h"
#include "server/request/password_proof.h"
#include "server/request/session_cookie.h"
#include <stdlib.h>
#include <string.h>

/* --- sessions --- */

const struct endpoint account_sessions = { .query = QUERY_ACCOUNT_LIST_SESSIONS, .answer = ENDPOINT_PAGE };
const struct endpoint account_end_session = { .query = QUERY_ACCOUNT_END_SESSION, .answer = ENDPOINT_EMPTY };
const struct endpoint account_end_sessions = { .query = QUERY_ACCOUNT_END_SESSIONS,
                                               .answer = ENDPOINT_EMPTY };

/* --- the password: the old one is proven, the new one hashed --- */

static const struct input change[] = {
    { "currentPassword", INPUT_PASSWORD, .required = true },
    { "newPassword", INPUT_PASSWORD, .required = true },
    { 0 },
};

static request_function proven, counted, hashed, store, stored;

static void
free_cookie(void *cookie)
{
    secret_wipe(cookie, SESSION_COOKIE_SIZE);
    free(cookie);
}

static enum step_result
refuse_field(struct request *request, const char *field, const char *detail)
{
    answer_field_error(&request->answer, field, detail);
    return answer_refuse_fields(&request->answer);
}

enum step_result
account_change_password(struct request *request)
{
    const struct caller *caller = request->auth.caller;
    if (!caller->session_id) {
        return answer_refuse(&request->answer, PROBLEM_FORBIDDEN,
                             "A token cannot change the account's password; sign in and change it there.");
    }
    if (!input_read(request, change)) {
        return STEP_DONE;
    }
    const char *refusal = password_refusal(input_text(request, "newPassword"),
                                           input_length(request, "newPassword"), caller->email, caller->name);
    if (refusal) {
        return refuse_field(request, "newPassword", refusal);
    }
    return password_proof_of_caller(request, "currentPassword", proven);
}

static bool
is_the_same(const struct request *request)
{
    size_t length = input_length(request, "newPassword");
    return length == input_length(request, "currentPassword") &&
           memcmp(input_text(request, "newPassword"), input_text(request, "currentPassword"), length) == 0;
}

static enum step_result
proven(struct request *request)
{
    if (!password_proof_succeeded(request)) {
        request_then(request, counted);
        return endpoint_query(request, QUERY_SESSIONS_COUNT_WRONG_PASSWORD, NULL);
    }
    if (is_the_same(request)) {
        return refuse_field(request, "newPassword", "is the current password");
    }
    request_then(request, hashed);
    return await_hash(request, input_text(request, "newPassword"), input_length(request, "newPassword"));
}

static enum step_result
counted(struct request *request)
{
    return endpoint_refused(request, NULL, false) ? STEP_DONE
                                                  : refuse_field(request, "currentPassword", "is wrong");
}

static enum step_result
hashed(struct request *request)
{
    return authenticate_again(request, store);
}

static enum step_result
store(struct request *request)
{
    if (request->outcome.hash->outcome != HASHER_HASHED) {
        return answer_refuse(&request->answer, PROBLEM_INTERNAL, NULL);
    }
    request->handler_data = memory_new(1, SESSION_COOKIE_SIZE);
    request->handler_free = free_cookie;
    unsigned char digest[SECRET_DIGEST_SIZE];
    session_cookie_make(request->handler_data, digest);
    char client[SESSION_CLIENT_SIZE];
    client_name(request->head->user_agent, client, sizeof(client));
    const struct db_named values[] = {
        { "hash", DB_TEXT(request->outcome.hash->encoded) },
        { "digest", DB_BINARY((const char *)digest, sizeof(digest)) },
        { "client", DB_TEXT(client) },
        { 0 },
    };
    request_then(request, stored);
    return endpoint_query(request, QUERY_ACCOUNT_CHANGE_PASSWORD, values);
}

static enum step_result
stored(struct request *request)
{
    if (endpoint_refused(request, NULL, true)) {
        return STEP_DONE;
    }
    const struct db_result *row = request->outcome.result;
    session_cookie_set(request, request->handler_data, db_int64(row, 0, db_column(row, "seconds")));
    return answer_empty(&request->answer, 204);
}
