#include "server/resources/api_keys.h"
#include "common/text.h"
#include "server/request/endpoint.h"
#include "server/request/row.h"
#include <stdio.h>
#include <string.h>

/* --- list, get, and what is known of one --- */

static const struct input filters[] = {
    { "status", INPUT_CHOICE, .in_query = true, .choices = "active|expiring|expired|revoked|all",
      .fallback = "active" },
    { "search", INPUT_NOTE, .in_query = true },
    { "sort", INPUT_CHOICE, .in_query = true,
      .choices = "-created|created|name|-name|expires|-expires|lastUsed|-lastUsed", .fallback = "-created" },
    { 0 },
};

static const struct input spans[] = {
    { "days", INPUT_INTEGER, .in_query = true, .choices = "1|7|30|90", .fallback = "7" },
    { 0 },
};

/* Of the caller, not of an account that the path names. */
static const struct db_named own_list[] = { { "id", DB_CONSTANT(NULL) }, { 0 } };
static const struct db_named own_one[] = { { "user", DB_CONSTANT(NULL) }, { 0 } };

const struct endpoint api_keys_list = {
    .query = QUERY_API_KEYS_LIST, .answer = ENDPOINT_PAGE, .inputs = filters, .constants = own_list
};
const struct endpoint api_keys_get = { .query = QUERY_API_KEYS_GET,
                                       .answer = ENDPOINT_ROW,
                                       .constants = own_one };
const struct endpoint api_keys_rotation = { .query = QUERY_API_KEYS_ROTATION, .answer = ENDPOINT_ROW };
const struct endpoint api_keys_history = { .query = QUERY_API_KEYS_HISTORY, .answer = ENDPOINT_SUBPAGE };
const struct endpoint api_keys_impact = { .query = QUERY_API_KEYS_IMPACT,
                                          .answer = ENDPOINT_ROW,
                                          .inputs = spans };

/* --- delete one --- */

static const struct input farewell[] = {
    { "note", INPUT_NOTE, .required = false },
    { "withDescendants", INPUT_BOOLEAN, .fallback = "false" },
    { 0 },
};

static const struct db_named revocation[] = { { "reason", DB_CONSTANT("revoked") },
                                              { "user", DB_CONSTANT(NULL) },
                                              { 0 } };

const struct endpoint api_keys_delete = {
    .query = QUERY_API_KEYS_REVOKE, .answer = ENDPOINT_EMPTY, .inputs = farewell, .constants = revocation
};

/* --- get and delete the current token --- */

static request_function got, deleted;

static enum step_result
query_current(struct request *request, enum query query, request_function *then)
{
    int64_t id = request->auth.caller->token_id;
    if (!id) {
        return answer_refuse(
            &request->answer, PROBLEM_NOT_FOUND,
            "The current token is the one that the request presents; this one has a session.");
    }
    const struct db_named values[] = { { "id", DB_INT64(id) }, revocation[0], revocation[1], { 0 } };
    request_then(request, then);
    return endpoint_query(request, query, values);
}

enum step_result
api_keys_get_current(struct request *request)
{
    return query_current(request, QUERY_API_KEYS_GET, got);
}

static enum step_result
got(struct request *request)
{
    return endpoint_refused(request, NULL, true) ? STEP_DONE : endpoint_answer_row(request, 200);
}

enum step_result
api_keys_delete_current(struct request *request)
{
    return input_read(request, farewell) ? query_current(request, QUERY_API_KEYS_REVOKE, deleted) : STEP_DONE;
}

static enum step_result
deleted(struct request *request)
{
    return endpoint_refused(request, NULL, true) ? STEP_DONE : answer_empty(&request->answer, 204);
}

/* --- of an account that the path names, for admins --- */

const struct endpoint api_keys_list_of_user = { .query = QUERY_API_KEYS_LIST,
                                                .answer = ENDPOINT_SUBPAGE,
                                                .inputs = filters };

static enum step_result
query_of_user(struct request *request, enum query query, request_function *then)
{
    const struct db_named values[] = { { "id", DB_INT64(route_values_find(&request->path, "key")->number) },
                                       { "user", DB_INT64(route_values_find(&request->path, "id")->number) },
                                       revocation[0],
                                       { 0 } };
    request_then(request, then);
    return endpoint_query(request, query, values);
}

enum step_result
api_keys_get_of_user(struct request *request)
{
    return query_of_user(request, QUERY_API_KEYS_GET, got);
}

enum step_result
api_keys_delete_of_user(struct request *request)
{
    return input_read(request, farewell) ? query_of_user(request, QUERY_API_KEYS_REVOKE, deleted) : STEP_DONE;
}

/* --- delete all but some --- */

static const struct input exceptions[] = {
    { "except", INPUT_IDS, .required = true, .choices = "current" },
    { "dryRun", INPUT_BOOLEAN, .fallback = "false" },
    { 0 },
};

static request_function deleted_all;

enum step_result
api_keys_delete_all(struct request *request)
{
    if (!input_read(request, exceptions)) {
        return STEP_DONE;
    }
    char current[TEXT_NUMBER_SIZE + 2];
    const char *except = input_text(request, "except");
    if (strcmp(except, "current") == 0) {
        if (!request->auth.caller->token_id) {
            answer_field_error(&request->answer, "except",
                               "must be an array of ids, because the request presents no token");
            return answer_refuse_fields(&request->answer);
        }
        snprintf(current, sizeof(current), "{%lld}", (long long)request->auth.caller->token_id);
        except = current;
    }
    const struct db_named values[] = { { "except", DB_TEXT(except) }, { 0 } };
    request_then(request, deleted_all);
    return endpoint_query(request, QUERY_API_KEYS_REVOKE_ALL, values);
}

static enum step_result
deleted_all(struct request *request)
{
    if (endpoint_refused(request, NULL, true)) {
        return STEP_DONE;
    }
    const struct db_result *result = request->outcome.result;
    int count = db_is_null(result, 0, db_column(result, "id")) ? 0 : db_rows(result);
    struct row_shape shape;
    row_shape_read(&shape, result);
    struct json_writer *writer = answer_json(&request->answer, 200);
    json_open_object(writer);
    json_boolean_member(writer, "dryRun", strcmp(input_text(request, "dryRun"), "true") == 0);
    json_integer_member(writer, "count", count);
    json_key(writer, "data");
    json_open_array(writer);
    for (int row = 0; row < count; row++) {
        row_write(writer, &shape, row);
    }
    json_close_array(writer);
    json_close_object(writer);
    return STEP_DONE;
}
