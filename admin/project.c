#include "admin/project.h"
#include "admin/check.h"
#include "admin/database.h"
#include "admin/user.h"
#include "common/text.h"
#include <stdlib.h>

static const struct output_column project_columns[] = {
    { "id", "project", OUTPUT_TEXT },
    { "name", "name", OUTPUT_TEXT },
    { "organizationId", "organization", OUTPUT_NUMBER },
    { NULL, NULL, OUTPUT_TEXT },
};

static const struct output_column member_columns[] = {
    { "projectId", "project", OUTPUT_TEXT },
    { "userId", "user", OUTPUT_NUMBER },
    { "email", "e-mail", OUTPUT_TEXT },
    { "role", "role", OUTPUT_TEXT },
    { NULL, NULL, OUTPUT_TEXT },
};

/* --- project create --- */

static enum command_exit
print_created(const struct command_call *call, const struct db_result *made, int64_t organization_id)
{
    if (!database_found(made)) {
        output_error("there is no organization %lld", (long long)organization_id);
        return COMMAND_FAILED;
    }
    const char *cells[DATABASE_COUNT(project_columns)];
    char organization[TEXT_NUMBER_SIZE];
    text_number(organization_id, organization);
    database_cells(made, 0, project_columns, cells);
    output_set_cell(project_columns, cells, "organizationId", organization);
    output_record(stdout, project_columns, cells, call->json);
    return COMMAND_DONE;
}

static enum command_exit
insert(const struct command_call *call, int64_t organization_id, const char *name)
{
    struct db_sync *db = database_open(call);
    if (!db) {
        return COMMAND_FAILED;
    }
    const struct db_named values[] = {
        { "organization", DB_INT64(organization_id) },
        { "name", DB_TEXT(name) },
        { "actor", DATABASE_OPERATOR },
        { 0 },
    };
    struct db_result *made = database_call(db, QUERY_PROJECTS_CREATE, values, NULL);
    enum command_exit outcome = made ? print_created(call, made, organization_id) : COMMAND_FAILED;
    db_result_free(made);
    db_sync_close(db);
    return outcome;
}

static enum command_exit
run_create(const struct command_call *call)
{
    int64_t organization_id;
    char *name;
    if (!check_id("--org", command_value(call, "org"), &organization_id) ||
        !check_name("the project's name", call->arguments[0], &name)) {
        return COMMAND_MISUSED;
    }
    enum command_exit outcome = insert(call, organization_id, name);
    free(name);
    return outcome;
}

/* --- project add-member --- */

struct membership {
    int64_t organization_id;
    int64_t project;
    const char *role;
};

static enum command_exit
print_member(const struct command_call *call, const struct db_result *joined, const struct user_found *user)
{
    if (!database_found(joined)) {
        output_error("the organization has no project %s", call->arguments[0]);
        return COMMAND_FAILED;
    }
    const char *cells[DATABASE_COUNT(member_columns)];
    database_cells(joined, 0, member_columns, cells);
    output_set_cell(member_columns, cells, "projectId", call->arguments[0]);
    output_set_cell(member_columns, cells, "email", user->email);
    output_record(stdout, member_columns, cells, call->json);
    return COMMAND_DONE;
}

static enum command_exit
join(const struct command_call *call, struct db_sync *db, const struct membership *membership)
{
    struct user_found user;
    if (!user_find(db, call->arguments[1], &user)) {
        return COMMAND_FAILED;
    }
    if (user.organization_id != membership->organization_id) {
        output_error("the account %s belongs to another organization", user.email);
        return COMMAND_FAILED;
    }
    const struct db_named values[] = {
        { "organization", DB_INT64(membership->organization_id) },
        { "project", DB_INT64(membership->project) },
        { "user", DB_INT64(user.id) },
        { "role", DB_TEXT(membership->role) },
        { "actor", DATABASE_OPERATOR },
        { 0 },
    };
    struct db_result *joined = database_call(db, QUERY_PROJECTS_SET_MEMBER, values, NULL);
    enum command_exit outcome = joined ? print_member(call, joined, &user) : COMMAND_FAILED;
    db_result_free(joined);
    return outcome;
}

static enum command_exit
run_add_member(const struct command_call *call)
{
    struct membership membership = { .role = command_value(call, "role") };
    if (!check_project(call->arguments[0], &membership.project) || !check_email(call->arguments[1]) ||
        !check_id("--org", command_value(call, "org"), &membership.organization_id) ||
        !check_choice("--role", membership.role, "project_admin|user|guest")) {
        return COMMAND_MISUSED;
    }
    struct db_sync *db = database_open(call);
    if (!db) {
        return COMMAND_FAILED;
    }
    enum command_exit outcome = join(call, db, &membership);
    db_sync_close(db);
    return outcome;
}

const struct command project_commands[] = {
    { .name = "project create",
      .summary = "make a project",
      .description = "Makes a project under the organization's next number and prints its identifier,\n"
                     "for example PRJ-1.",
      .arguments = { { "NAME", "Name of the project, 1 to 100 characters.", false } },
      .options = { { "org", "ID", "Organization that the project belongs to.", true } },
      .examples = "testkase-admin project create \"Web shop\" --org 1173",
      .run = run_create },
    { .name = "project add-member",
      .summary = "give an account a role in a project",
      .description = "Gives an account a role in a project, or changes its role there. Owners and admins\n"
                     "of the organization are admins of all projects anyway.",
      .arguments = { { "PRJ-n", "Identifier of the project, for example PRJ-1.", false },
                     { "EMAIL", "E-mail address of the account; letter case does not matter.", false } },
      .options = { { "org", "ID", "Organization of project and account.", true },
                   { "role", "project_admin|user|guest",
                     "project_admin: everything in the project; user: the work of a tester;\n"
                     "guest: reading only.",
                     true } },
      .examples = "testkase-admin project add-member PRJ-1 grace@example.com --org 1173 --role user",
      .run = run_add_member },
    { .name = NULL },
};
