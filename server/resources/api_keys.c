#include "server/resources/api_keys.h"
#include "common/memory.h"
#include "common/secret.h"
#include "common/token.h"
#include "server/request/authenticate.h"
#include "server/request/await.h"
#include "server/request/endpoint.h"
#include "server/request/limits.h"
#include "server/request/row.h"
#include <stdlib.h>

/* --- list, get, delete --- */

static const struct input filters[] = {
    { "status", INPUT_CHOICE, .in_query = true, .choices = "active|expired|revoked|all",
      .fallback = "active" },
    { 0 },
};

static const struct db_named revocation[] = { { "reason", DB_CONSTANT("revoked") }, { 0 } };

const struct endpoint api_keys_list = { .query = QUERY_API_KEYS_LIST,
                                        .answer = ENDPOINT_PAGE,
                                        .inputs = filters };
const struct endpoint api_keys_get = { .query = QUERY_API_KEYS_GET, .answer = ENDPOINT_ROW };
const struct endpoint api_keys_delete = { .query = QUERY_API_KEYS_REVOKE,
                                          .answer = ENDPOINT_EMPTY,
                                          .constants = revocation };

/* --- get and delete the current token --- */

static request_function got_current, deleted_current;

static enum step_result
query_current(struct request *request, enum query query, request_function *then)
{
    int64_t id = request->auth.caller->token_id;
    if (!id) {
        return answer_refuse(
            &request->answer, PROBLEM_NOT_FOUND,
            "The current token is the one that the request presents; this one has a session.");
    }
    const struct db_named values[] = { { "id", DB_INT64(id) }, revocation[0], { 0 } };
    request_then(request, then);
    return endpoint_query(request, query, values);
}

enum step_result
api_keys_get_current(struct request *request)
{
    return query_current(request, QUERY_API_KEYS_GET, got_current);
}

static enum step_result
got_current(struct request *request)
{
    return endpoint_refused(request, NULL, true) ? STEP_DONE : endpoint_answer_row(request, 200);
}

enum step_result
api_keys_delete_current(struct request *request)
{
    return query_current(request, QUERY_API_KEYS_REVOKE, deleted_current);
}

static enum step_result
deleted_current(struct request *request)
{
    return endpoint_refused(request, NULL, true) ? STEP_DONE : answer_empty(&request->answer, 204);
}

/* --- creation: makes a token, hashes it, stores the hash --- */

#define LOOKUP_IDS_MAX 3

static const struct input draft_inputs[] = {
    { "name", INPUT_NAME, .required = true },
    { "expiresInDays", INPUT_INTEGER, .required = true, .choices = "7|30|60|90|180|365" },
    { 0 },
};

static const struct refusal refusals[] = {
    { "owner_not_active", PROBLEM_FORBIDDEN, NULL,
      "The account is not active; ask an admin of the organization." },
    { "creation_forbidden", PROBLEM_FORBIDDEN, NULL,
      "The organization does not allow tokens to create tokens; sign in and generate it under Settings, API "
      "Keys." },
    { "period_too_long", PROBLEM_VALIDATION_FAILED, "expiresInDays",
      "is longer than the organization allows" },
    { 0 },
};

struct draft {
    char token[TOKEN_LENGTH + 1];
    int lookup_ids_tried;
};

static request_function make_token, hashed, insert, created;

static void
free_draft(void *draft)
{
    secret_wipe(draft, sizeof(struct draft));
    free(draft);
}

enum step_result
api_keys_create(struct request *request)
{
    if (!input_read(request, draft_inputs) || limits_refuse_creation(request)) {
        return STEP_DONE;
    }
    request->handler_data = memory_new(1, sizeof(struct draft));
    request->handler_free = free_draft;
    return make_token(request);
}

static enum step_result
make_token(struct request *request)
{
    struct draft *draft = request->handler_data;
    token_make(draft->token);
    draft->lookup_ids_tried++;
    request_then(request, hashed);
    return await_hash(request, draft->token, TOKEN_LENGTH);
}

static enum step_result
hashed(struct request *request)
{
    return authenticate_again(request, insert);
}

static enum step_result
insert(struct request *request)
{
    const struct draft *draft = request->handler_data;
    if (request->outcome.hash->outcome != HASHER_HASHED) {
        return answer_refuse(&request->answer, PROBLEM_INTERNAL, NULL);
    }
    char lookup[TOKEN_LOOKUP_LENGTH + 1], preview[TOKEN_PREVIEW_SIZE];
    token_parse(draft->token, TOKEN_LENGTH, lookup);
    token_preview(draft->token, preview);
    const struct db_named values[] = {
        { "owner", DB_INT64(request->auth.caller->user_id) },
        { "lookup", DB_TEXT(lookup) },
        { "hash", DB_TEXT(request->outcome.hash->encoded) },
        { "preview", DB_TEXT(preview) },
        { 0 },
    };
    request_then(request, created);
    return endpoint_query(request, QUERY_API_KEYS_CREATE, values);
}

static enum step_result
created(struct request *request)
{
    struct draft *draft = request->handler_data;
    if (await_failed(request, "api_tokens_lookup_id_key")) {
        return STEP_DONE;
    }
    if (db_status(request->outcome.result) != DB_OK) {
        /* The look-up id is taken (a chance of 1 in 10^14 per existing token): make another token. */
        return draft->lookup_ids_tried < LOOKUP_IDS_MAX
                   ? make_token(request)
                   : answer_refuse(&request->answer, PROBLEM_INTERNAL, NULL);
    }
    if (endpoint_refused(request, refusals, true)) {
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
