#include "server/resources/new_api_key.h"
#include "common/memory.h"
#include "common/secret.h"
#include "common/token.h"
#include "server/request/authenticate.h"
#include "server/request/await.h"
#include "server/request/endpoint.h"
#include "server/request/idempotency.h"
#include "server/request/limits.h"
#include "server/request/row.h"
#include <stdlib.h>
#include <string.h>

#define TRIES_MAX 3

static const struct input draft_inputs[] = {
    { "name", INPUT_NAME, .required = true },
    { "expiresInDays", INPUT_INTEGER, .required = true, .choices = "7|30|60|90|180|365" },
    { "purpose", INPUT_NOTE, .required = false },
    { "link", INPUT_LINK, .required = false },
    { 0 },
};

static const struct refusal refusals[] = {
    { "is_person", PROBLEM_CONFLICT, NULL,
      "A person generates their own tokens, under Settings, API Keys; an admin those of service accounts." },
    { "service_not_active", PROBLEM_CONFLICT, NULL, "The account is deactivated; reactivate it first." },
    { "owner_not_active", PROBLEM_FORBIDDEN, NULL,
      "The account is not active; ask an admin of the organization." },
    { "creation_forbidden", PROBLEM_FORBIDDEN, NULL,
      "The organization does not allow tokens to create tokens; sign in and generate it under Settings, API "
      "Keys." },
    { "period_too_long", PROBLEM_VALIDATION_FAILED, "expiresInDays",
      "is longer than the organization allows" },
    { "successor_too_long", PROBLEM_FORBIDDEN, NULL,
      "The organization now allows shorter periods only; generate a new token with one of those." },
    { "recent_sign_in_required", PROBLEM_RECENT_SIGN_IN_REQUIRED, NULL, NULL },
    { "api_key_ended", PROBLEM_API_KEY_ENDED, NULL, NULL },
    { "successor_exists", PROBLEM_SUCCESSOR_EXISTS, NULL, NULL },
    { "idempotency_key_used", PROBLEM_IDEMPOTENCY_KEY_USED, NULL, NULL },
    { 0 },
};

struct draft {
    int64_t owner;
    bool is_of_service; /* the owner is to be a service account, the caller is an admin */
    char token[TOKEN_LENGTH + 1];
    char idempotency_key[IDEMPOTENCY_KEY_SIZE]; /* "": none */
    int64_t predecessor;                        /* 0: a new token, described by the inputs */
    int tries;
};

static request_function make_token, hashed, insert, created;

/* --- what to make --- */

static void
free_draft(void *draft)
{
    secret_wipe(draft, sizeof(struct draft));
    free(draft);
}

static struct draft *
new_draft(struct request *request)
{
    struct draft *draft = request->handler_data = memory_new(1, sizeof(struct draft));
    request->handler_free = free_draft;
    draft->owner = request->auth.caller->user_id;
    return draft;
}

static enum step_result
begin(struct request *request, struct draft *draft)
{
    if (!idempotency_key_read(request, draft->idempotency_key) || limits_refuse_creation(request)) {
        return STEP_DONE;
    }
    return make_token(request);
}

enum step_result
new_api_key_create(struct request *request)
{
    return input_read(request, draft_inputs) ? begin(request, new_draft(request)) : STEP_DONE;
}

enum step_result
new_api_key_create_for_service(struct request *request)
{
    if (!input_read(request, draft_inputs)) {
        return STEP_DONE;
    }
    struct draft *draft = new_draft(request);
    draft->owner = request_path_number(request, "id");
    draft->is_of_service = true;
    return begin(request, draft);
}

static enum step_result
rotate(struct request *request, int64_t predecessor)
{
    struct draft *draft = new_draft(request);
    draft->predecessor = predecessor;
    return begin(request, draft);
}

enum step_result
new_api_key_rotate(struct request *request)
{
    return rotate(request, request_path_number(request, "id"));
}

enum step_result
new_api_key_rotate_current(struct request *request)
{
    int64_t id = request->auth.caller->token_id;
    return id ? rotate(request, id)
              : answer_refuse(
                    &request->answer, PROBLEM_NOT_FOUND,
                    "The current token is the one that the request presents; this one has a session.");
}

/* --- make it, hash it, store the hash --- */

static enum step_result
make_token(struct request *request)
{
    struct draft *draft = request->handler_data;
    token_make(draft->token);
    request_then(request, hashed);
    return await_hash(request, draft->token, TOKEN_LENGTH);
}

static enum step_result
hashed(struct request *request)
{
    return authenticate_again(request, insert);
}

static struct db_value
given(const struct request *request, const char *name)
{
    struct db_value value;
    return request->inputs && input_value(request, name, &value) ? value : DB_NULL;
}

static enum step_result
insert(struct request *request)
{
    struct draft *draft = request->handler_data;
    if (request->outcome.hash->outcome != HASHER_HASHED) {
        return answer_refuse(&request->answer, PROBLEM_INTERNAL, NULL);
    }
    char lookup[TOKEN_LOOKUP_LENGTH + 1], preview[TOKEN_PREVIEW_SIZE];
    token_parse(draft->token, TOKEN_LENGTH, lookup);
    token_preview(draft->token, preview);
    const struct db_named values[] = {
        { "owner", DB_INT64(draft->owner) },
        { "ofService", DB_TEXT(draft->is_of_service ? "true" : "false") },
        { "predecessor", draft->predecessor ? DB_INT64(draft->predecessor) : DB_NULL },
        { "lookup", DB_TEXT(lookup) },
        { "hash", DB_TEXT(request->outcome.hash->encoded) },
        { "preview", DB_TEXT(preview) },
        { "name", given(request, "name") },
        { "expiresInDays", given(request, "expiresInDays") },
        { "purpose", given(request, "purpose") },
        { "link", given(request, "link") },
        { "idempotencyKey", draft->idempotency_key[0] ? DB_TEXT(draft->idempotency_key) : DB_NULL },
        { 0 },
    };
    draft->tries++;
    request_then(request, created);
    return endpoint_query(request, QUERY_API_KEYS_CREATE, values);
}

/* What to do when a constraint was violated. The look-up id is taken (a chance of 1 in 10^14 per existing
 * token): make another token. A request at the same moment took the idempotency key, or made the successor:
 * the statement did not see it, and does when it runs again. */
static request_function *
find_remedy(const struct request *request)
{
    const struct db_result *result = request->outcome.result;
    const struct draft *draft = request->handler_data;
    const char *constraint = db_status(result) == DB_REFUSED ? db_constraint(result) : "";
    if (draft->tries >= TRIES_MAX) {
        return NULL;
    }
    if (strcmp(constraint, "api_tokens_lookup_id_key") == 0) {
        return make_token;
    }
    bool is_race = strcmp(constraint, "api_tokens_idempotency_key") == 0 ||
                   strcmp(constraint, "api_tokens_live_successor_key") == 0;
    return is_race ? insert : NULL;
}

static void
name_token_in_the_way(struct request *request)
{
    const struct db_result *result = request->outcome.result;
    int column = db_rows(result) > 0 ? db_column(result, "in_the_way") : -1;
    if (column >= 0 && !db_is_null(result, 0, column)) {
        answer_name_api_key(&request->answer, db_int64(result, 0, column));
    }
}

static enum step_result
created(struct request *request)
{
    struct draft *draft = request->handler_data;
    request_function *remedy = find_remedy(request);
    if (remedy) {
        return remedy(request);
    }
    if (endpoint_refused(request, refusals, true)) {
        name_token_in_the_way(request);
        return STEP_DONE;
    }
    struct json_writer *writer = answer_json(&request->answer, 201);
    struct row_shape shape;
    row_shape_read(&shape, request->outcome.result);
    json_open_object(writer);
    row_write_members(writer, &shape, 0);
    json_text_member(writer, "token", draft->token);
    json_close_object(writer);
    return STEP_DONE;
}
