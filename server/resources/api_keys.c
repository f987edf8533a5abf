#include "server/resources/api_keys.h"
#include "common/memory.h"
#include "common/token.h"
#include "server/request/input.h"
#include "server/request/page.h"
#include <stdlib.h>
#include <string.h>

enum column_type { COLUMN_TEXT, COLUMN_NUMBER };

/* The columns of api_keys/list, get and create, in order. */
static const struct {
    const char *key;
    enum column_type type;
} columns[] = {
    { "id", COLUMN_NUMBER },
    { "name", COLUMN_TEXT },
    { "tokenPreview", COLUMN_TEXT },
    { "createdAt", COLUMN_TEXT },
    { "expiresAt", COLUMN_TEXT },
    { "expiresInDays", COLUMN_NUMBER },
    { "rotateAt", COLUMN_TEXT },
    { "lastUsedAt", COLUMN_TEXT },
    { "lastUsedIp", COLUMN_TEXT },
    { "status", COLUMN_TEXT },
    { "endedAt", COLUMN_TEXT },
    { "endedReason", COLUMN_TEXT },
    { "predecessorId", COLUMN_NUMBER },
    { "successorId", COLUMN_NUMBER },
};

void
api_keys_write_members(struct json_writer *writer, const struct db_result *result, int row, int first)
{
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        int column = first + (int)i;
        if (columns[i].type == COLUMN_NUMBER && !db_is_null(result, row, column)) {
            json_integer_member(writer, columns[i].key, db_int64(result, row, column));
        } else {
            json_text_member(writer, columns[i].key, db_text(result, row, column));
        }
    }
}

static void
write_key(struct json_writer *writer, const struct db_result *result, int row)
{
    json_open_object(writer);
    api_keys_write_members(writer, result, row, 0);
    json_close_object(writer);
}

/* --- list and get --- */

static enum step_result
listed(struct request *request)
{
    return list_answer(request, 0, write_key);
}

static bool
is_status(const char *status)
{
    static const char *const known[] = { "active", "expired", "revoked", "all" };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(status, known[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum step_result
api_keys_list(struct request *request)
{
    struct list_page page;
    char status[16], user[DB_NUMBER_SIZE];
    int given = request_parameter(request, "status", status, sizeof(status));
    if (given < 0 || !list_page_read(request, &page)) {
        return STEP_DONE;
    }
    if (given && !is_status(status)) {
        request_field_error(request, "status", "must be active, expired, revoked or all");
        return request_refuse_fields(request);
    }
    const struct db_value values[] = { db_number(user, request->caller->user_id),
                                       DB_TEXT(given ? status : "active"), page.cursor, page.count };
    request_then(request, listed);
    return request_query(request, QUERY_API_KEYS_LIST, values);
}

static enum step_result
got(struct request *request)
{
    if (request_query_failed(request, NULL)) {
        return STEP_DONE;
    }
    if (db_rows(request->result) == 0) {
        return request_refuse(request, PROBLEM_NOT_FOUND, NULL);
    }
    write_key(request_writer(request), request->result, 0);
    return request_answer_json(request, 200);
}

static enum step_result
get(struct request *request, int64_t id)
{
    char user[DB_NUMBER_SIZE], key[DB_NUMBER_SIZE];
    const struct db_value values[] = { db_number(user, request->caller->user_id), db_number(key, id) };
    request_then(request, got);
    return request_query(request, QUERY_API_KEYS_GET, values);
}

enum step_result
api_keys_get(struct request *request)
{
    return get(request, request->path_id);
}

static enum step_result
refuse_without_token(struct request *request)
{
    return request_refuse(request, PROBLEM_NOT_FOUND,
                          "The current token is the one presented; this call had none.");
}

enum step_result
api_keys_get_current(struct request *request)
{
    return request->caller->token_id ? get(request, request->caller->token_id)
                                     : refuse_without_token(request);
}

/* --- deletion --- */

static enum step_result
deleted(struct request *request)
{
    if (request_query_failed(request, NULL)) {
        return STEP_DONE;
    }
    if (db_rows(request->result) == 0) {
        return request_refuse(request, PROBLEM_NOT_FOUND, NULL);
    }
    return request_answer_empty(request, 204);
}

static enum step_result
delete(struct request *request, int64_t id)
{
    char key[DB_NUMBER_SIZE], user[DB_NUMBER_SIZE];
    struct request_actor actor;
    request_actor(request, &actor);
    const struct db_value values[] = {
        db_number(key, id), db_number(user, request->caller->user_id),
        DB_TEXT("revoked"), actor.values[0],
        actor.values[1],    actor.values[2],
        actor.values[3],    actor.values[4],
    };
    request_then(request, deleted);
    return request_query(request, QUERY_API_KEYS_REVOKE, values);
}

enum step_result
api_keys_delete(struct request *request)
{
    return delete (request, request->path_id);
}

enum step_result
api_keys_delete_current(struct request *request)
{
    return request->caller->token_id ? delete (request, request->caller->token_id)
                                     : refuse_without_token(request);
}

/* --- creation --- */

struct draft {
    char *name;
    int64_t days;
    char token[TOKEN_LENGTH + 1];
    int lookup_ids_tried;
};

static void
free_draft(void *data)
{
    struct draft *draft = data;
    free(draft->name);
    secret_wipe(draft, sizeof(*draft));
    free(draft);
}

static const struct {
    const char *outcome;
    enum problem_code code;
    const char *field;
    const char *detail;
} refusals[] = {
    { "owner_not_active", PROBLEM_FORBIDDEN, NULL,
      "The account is not active; ask an admin of the organization." },
    { "creation_forbidden", PROBLEM_FORBIDDEN, NULL,
      "The organization does not let a token make tokens; sign in and generate it under Settings, API "
      "Keys." },
    { "period_too_long", PROBLEM_VALIDATION_FAILED, "expiresInDays",
      "is longer than the organization allows" },
};

static enum step_result
refuse_creation(struct request *request, const char *outcome)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (strcmp(outcome, refusals[i].outcome) != 0) {
            continue;
        }
        if (refusals[i].field) {
            request_field_error(request, refusals[i].field, refusals[i].detail);
            return request_refuse_fields(request);
        }
        return request_refuse(request, refusals[i].code, refusals[i].detail);
    }
    return request_refuse(request, PROBLEM_INTERNAL, NULL);
}

static request_function make_token;

static enum step_result
created(struct request *request)
{
    struct draft *draft = request->handler_data;
    if (request_query_failed(request, "api_tokens_lookup_id_key")) {
        return STEP_DONE;
    }
    if (db_status(request->result) != DB_OK) {
        /* The look-up id was taken, one chance in 10^14 a token: another one. */
        return ++draft->lookup_ids_tried < 3 ? make_token(request)
                                             : request_refuse(request, PROBLEM_INTERNAL, NULL);
    }
    const char *outcome = db_rows(request->result) > 0 ? db_text(request->result, 0, 0) : "owner_not_active";
    if (strcmp(outcome, "created") != 0) {
        return refuse_creation(request, outcome);
    }
    struct json_writer *writer = request_writer(request);
    json_open_object(writer);
    api_keys_write_members(writer, request->result, 0, 1);
    json_text_member(writer, "token", draft->token);
    json_close_object(writer);
    return request_answer_json(request, 201);
}

static enum step_result
insert(struct request *request)
{
    const struct draft *draft = request->handler_data;
    if (request->hash->outcome != HASHER_HASHED) {
        return request_refuse(request, PROBLEM_INTERNAL, NULL);
    }
    char user[DB_NUMBER_SIZE], days[DB_NUMBER_SIZE], lookup[TOKEN_LOOKUP_LENGTH + 1],
        preview[TOKEN_PREVIEW_SIZE];
    struct request_actor actor;
    token_parse(draft->token, TOKEN_LENGTH, lookup);
    token_preview(draft->token, preview);
    request_actor(request, &actor);
    const struct db_value values[] = {
        db_number(user, request->caller->user_id),
        DB_TEXT(lookup),
        DB_TEXT(request->hash->encoded),
        DB_TEXT(preview),
        DB_TEXT(draft->name),
        db_number(days, draft->days),
        actor.values[0],
        actor.values[1],
        actor.values[2],
        actor.values[3],
        actor.values[4],
    };
    request_then(request, created);
    return request_query(request, QUERY_API_KEYS_CREATE, values);
}

static enum step_result
make_token(struct request *request)
{
    struct draft *draft = request->handler_data;
    token_make(draft->token);
    request_then(request, insert);
    return request_hash(request, HASHER_TOKENS, draft->token, TOKEN_LENGTH);
}

static void
check_days(struct request *request, struct draft *draft)
{
    static const int periods[] = { 7, 30, 60, 90, 180, 365 };
    if (!members_integer(request, "expiresInDays", MEMBER_REQUIRED, &draft->days)) {
        return;
    }
    for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
        if (draft->days == periods[i]) {
            return;
        }
    }
    request_field_error(request, "expiresInDays", "must be 7, 30, 60, 90, 180 or 365");
}

enum step_result
api_keys_create(struct request *request)
{
    static const char *const known[] = { "name", "expiresInDays", NULL };
    struct draft *draft = memory_new(1, sizeof(*draft));
    request->handler_data = draft;
    request->handler_free = free_draft;
    members_refuse_unknown(request, known);
    draft->name = members_name(request, "name", MEMBER_REQUIRED);
    check_days(request, draft);
    if (request_has_errors(request)) {
        return request_refuse_fields(request);
    }
    return make_token(request);
}
