#include "server/resources/users.h"
#include "common/memory.h"
#include "common/password.h"
#include "common/text.h"
#include "server/request/input.h"
#include "server/request/page.h"
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = { "person", "service", NULL };
static const char *const roles[] = { "admin", "member", NULL };
static const char *const statuses[] = { "active", "deactivated", NULL };

#define ROLE_REFUSAL "must be admin or member"

/* The account's columns begin at `first`. */
static void
write_columns(struct json_writer *writer, const struct db_result *result, int row, int first)
{
    json_open_object(writer);
    json_integer_member(writer, "id", db_int64(result, row, first));
    json_text_member(writer, "email", db_text(result, row, first + 1));
    json_text_member(writer, "name", db_text(result, row, first + 2));
    json_text_member(writer, "kind", db_text(result, row, first + 3));
    json_text_member(writer, "orgRole", db_text(result, row, first + 4));
    json_text_member(writer, "status", db_text(result, row, first + 5));
    json_text_member(writer, "createdAt", db_text(result, row, first + 6));
    json_close_object(writer);
}

static void
write_user(struct json_writer *writer, const struct db_result *result, int row)
{
    write_columns(writer, result, row, 0);
}

static enum step_result
listed(struct request *request)
{
    return list_answer(request, 0, write_user);
}

enum step_result
users_list(struct request *request)
{
    struct list_page page;
    char organization[DB_NUMBER_SIZE];
    if (!list_page_read(request, &page)) {
        return STEP_DONE;
    }
    const struct db_value values[] = { db_number(organization, request->caller->organization_id), page.cursor,
                                       page.count };
    request_then(request, listed);
    return request_query(request, QUERY_USERS_LIST, values);
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
    write_columns(request_writer(request), request->result, 0, 0);
    return request_answer_json(request, 200);
}

enum step_result
users_get(struct request *request)
{
    char organization[DB_NUMBER_SIZE], user[DB_NUMBER_SIZE];
    const struct db_value values[] = { db_number(organization, request->caller->organization_id),
                                       db_number(user, request->path_id) };
    request_then(request, got);
    return request_query(request, QUERY_USERS_GET, values);
}

/* --- creation --- */

struct draft {
    char *name;
    const char *email, *kind, *role, *password; /* in the request's body, or constant */
    size_t password_length;
};

static void
free_draft(void *data)
{
    struct draft *draft = data;
    free(draft->name);
    free(draft);
}

static void
check_email(struct request *request, struct draft *draft)
{
    size_t length;
    draft->email = members_text(request, "email", MEMBER_REQUIRED, &length);
    const char *refusal = draft->email ? text_email_refusal(draft->email, length) : NULL;
    if (refusal) {
        request_field_error(request, "email", refusal);
    }
}

static void
check_password(struct request *request, struct draft *draft)
{
    draft->password = members_text(request, "password", MEMBER_OPTIONAL, &draft->password_length);
    if (!draft->password) {
        return;
    }
    const char *refusal =
        strcmp(draft->kind, "service") == 0
            ? "must be absent: a service account has no password"
            : password_refusal(draft->password, draft->password_length, draft->email, draft->name);
    if (refusal) {
        request_field_error(request, "password", refusal);
    }
}

static enum step_result
created(struct request *request)
{
    if (request_query_failed(request, "users_email_key")) {
        return STEP_DONE;
    }
    if (db_status(request->result) != DB_OK) {
        return request_refuse(request, PROBLEM_CONFLICT,
                              "Another account has this e-mail address; choose another.");
    }
    write_user(request_writer(request), request->result, 0);
    return request_answer_json(request, 201);
}

static enum step_result
insert(struct request *request)
{
    const struct draft *draft = request->handler_data;
    if (request->hash && request->hash->outcome != HASHER_HASHED) {
        return request_refuse(request, PROBLEM_INTERNAL, NULL);
    }
    char organization[DB_NUMBER_SIZE];
    struct request_actor actor;
    request_actor(request, &actor);
    const struct db_value values[] = {
        db_number(organization, request->caller->organization_id),
        DB_TEXT(draft->email),
        DB_TEXT(draft->name),
        DB_TEXT(draft->kind),
        DB_TEXT(draft->role),
        DB_TEXT(request->hash ? request->hash->encoded : NULL),
        actor.values[0],
        actor.values[1],
        actor.values[2],
        actor.values[3],
        actor.values[4],
    };
    request_then(request, created);
    return request_query(request, QUERY_USERS_CREATE, values);
}

enum step_result
users_create(struct request *request)
{
    static const char *const known[] = { "email", "name", "kind", "orgRole", "password", NULL };
    struct draft *draft = memory_new(1, sizeof(*draft));
    request->handler_data = draft;
    request->handler_free = free_draft;
    members_refuse_unknown(request, known);
    check_email(request, draft);
    draft->name = members_name(request, "name", MEMBER_REQUIRED);
    draft->kind = members_choice(request, "kind", MEMBER_OPTIONAL, kinds, "must be person or service");
    draft->role = members_choice(request, "orgRole", MEMBER_OPTIONAL, roles, ROLE_REFUSAL);
    draft->kind = draft->kind ? draft->kind : "person";
    draft->role = draft->role ? draft->role : "member";
    check_password(request, draft);
    if (request_has_errors(request)) {
        return request_refuse_fields(request);
    }
    request_then(request, insert);
    return draft->password ? request_hash(request, HASHER_PASSWORDS, draft->password, draft->password_length)
                           : STEP_NEXT;
}

/* --- change --- */

static const struct {
    const char *outcome;
    const char *detail;
} refusals[] = {
    { "is_owner", "This is the organization's owner, who can be neither deactivated nor deleted nor given "
                  "another role." },
    { "is_oneself", "Nobody may take rights away from the own account; ask another admin." },
};

/* True when the account was changed, or needed no change. */
static bool
was_changed(struct request *request)
{
    if (request_query_failed(request, NULL)) {
        return false;
    }
    if (db_rows(request->result) == 0) {
        request_refuse(request, PROBLEM_NOT_FOUND, NULL);
        return false;
    }
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (strcmp(db_text(request->result, 0, 0), refusals[i].outcome) == 0) {
            request_refuse(request, PROBLEM_CONFLICT, refusals[i].detail);
            return false;
        }
    }
    return true;
}

static enum step_result
updated(struct request *request)
{
    if (!was_changed(request)) {
        return STEP_DONE;
    }
    write_columns(request_writer(request), request->result, 0, 1);
    return request_answer_json(request, 200);
}

static enum step_result
deleted(struct request *request)
{
    return was_changed(request) ? request_answer_empty(request, 204) : STEP_DONE;
}

static enum step_result
change(struct request *request, const char *name, const char *role, const char *status,
       request_function *then)
{
    char organization[DB_NUMBER_SIZE], user[DB_NUMBER_SIZE];
    struct request_actor actor;
    request_actor(request, &actor);
    const struct db_value values[] = {
        db_number(organization, request->caller->organization_id),
        db_number(user, request->path_id),
        DB_TEXT(name),
        DB_TEXT(role),
        DB_TEXT(status),
        actor.values[0],
        actor.values[1],
        actor.values[2],
        actor.values[3],
        actor.values[4],
    };
    request_then(request, then);
    return request_query(request, QUERY_USERS_UPDATE, values);
}

enum step_result
users_update(struct request *request)
{
    static const char *const known[] = { "name", "orgRole", "status", NULL };
    members_refuse_unknown(request, known);
    char *name = members_name(request, "name", MEMBER_OPTIONAL);
    const char *role = members_choice(request, "orgRole", MEMBER_OPTIONAL, roles, ROLE_REFUSAL);
    const char *status =
        members_choice(request, "status", MEMBER_OPTIONAL, statuses, "must be active or deactivated");
    enum step_result outcome = request_has_errors(request) ? request_refuse_fields(request)
                                                           : change(request, name, role, status, updated);
    free(name);
    return outcome;
}

enum step_result
users_delete(struct request *request)
{
    return change(request, NULL, NULL, "deleted", deleted);
}
