#include "server/resources/users.h"
#include "common/password.h"
#include "server/request/authenticate.h"
#include "server/request/await.h"
#include "server/request/endpoint.h"
#include "server/request/limits.h"
#include <string.h>

static const struct input filters[] = {
    { "search", INPUT_NOTE, .in_query = true },
    { "status", INPUT_CHOICE, .in_query = true, .choices = "active|deactivated|all", .fallback = "all" },
    { 0 },
};

static const struct input changes[] = {
    { "name", INPUT_NAME, .required = false },
    { "orgRole", INPUT_CHOICE, .choices = "admin|member" },
    { "status", INPUT_CHOICE, .choices = "active|deactivated" },
    { 0 },
};

static const struct db_named deletion[] = {
    { "name", DB_CONSTANT(NULL) },
    { "orgRole", DB_CONSTANT(NULL) },
    { "status", DB_CONSTANT("deleted") },
    { 0 },
};

static const struct refusal refusals[] = {
    { "is_owner", PROBLEM_CONFLICT, NULL,
      "The organization's owner cannot be deactivated, deleted or given another role." },
    { "is_oneself", PROBLEM_CONFLICT, NULL, "You cannot reduce your own rights; ask another admin." },
    { 0 },
};

const struct endpoint users_list = { .query = QUERY_USERS_LIST, .answer = ENDPOINT_PAGE, .inputs = filters };
const struct endpoint users_get = { .query = QUERY_USERS_GET, .answer = ENDPOINT_ROW };
const struct endpoint users_update = {
    .query = QUERY_USERS_UPDATE, .answer = ENDPOINT_ROW, .inputs = changes, .refusals = refusals
};
const struct endpoint users_delete = {
    .query = QUERY_USERS_UPDATE, .answer = ENDPOINT_EMPTY, .refusals = refusals, .constants = deletion
};

/* --- creation: the password is hashed first --- */

static const struct input account[] = {
    { "email", INPUT_EMAIL, .required = true },
    { "name", INPUT_NAME, .required = true },
    { "kind", INPUT_CHOICE, .choices = "person|service", .fallback = "person" },
    { "orgRole", INPUT_CHOICE, .choices = "admin|member", .fallback = "member" },
    { "password", INPUT_PASSWORD, .required = false },
    { 0 },
};

static const struct refusal creation_refusals[] = {
    { "users_email_key", PROBLEM_CONFLICT, NULL, "Another account has this e-mail address; choose another." },
    { 0 },
};

static request_function hashed, insert, created;

static void
check_password(struct request *request)
{
    const char *password = input_text(request, "password");
    if (!password) {
        return;
    }
    const char *refusal = strcmp(input_text(request, "kind"), "service") == 0
                              ? "must be absent: a service account has no password"
                              : password_refusal(password, input_length(request, "password"),
                                                 input_text(request, "email"), input_text(request, "name"));
    if (refusal) {
        answer_field_error(&request->answer, "password", refusal);
    }
}

enum step_result
users_create(struct request *request)
{
    input_read(request, account);
    check_password(request);
    if (answer_has_errors(&request->answer)) {
        return answer_refuse_fields(&request->answer);
    }
    if (limits_refuse_creation(request)) {
        return STEP_DONE;
    }
    const char *password = input_text(request, "password");
    if (!password) {
        return insert(request);
    }
    request_then(request, hashed);
    return await_hash(request, password, input_length(request, "password"));
}

static enum step_result
hashed(struct request *request)
{
    return authenticate_again(request, insert);
}

static enum step_result
insert(struct request *request)
{
    /* Without a password, the outcome may still have the proof of the caller's token. */
    const struct hasher_result *hash = input_text(request, "password") ? request->outcome.hash : NULL;
    if (hash && hash->outcome != HASHER_HASHED) {
        return answer_refuse(&request->answer, PROBLEM_INTERNAL, NULL);
    }
    const struct db_named values[] = { { "hash", DB_TEXT(hash ? hash->encoded : NULL) }, { 0 } };
    request_then(request, created);
    return endpoint_query(request, QUERY_USERS_CREATE, values);
}

static enum step_result
created(struct request *request)
{
    return endpoint_refused(request, creation_refusals, true) ? STEP_DONE : endpoint_answer_row(request, 201);
}
