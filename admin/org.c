#include "admin/org.h"
#include "admin/check.h"
#include "admin/database.h"
#include "admin/new_person.h"
#include <stdlib.h>

#define LIST_DEFAULT 1000
#define LIST_MAX     100000

static const struct output_column created_columns[] = {
    { "id", "organization", OUTPUT_NUMBER },      { "name", "name", OUTPUT_TEXT },
    { "ownerId", "owner", OUTPUT_NUMBER },        { "ownerEmail", "owner's e-mail", OUTPUT_TEXT },
    { "ownerName", "owner's name", OUTPUT_TEXT }, { NULL, NULL, OUTPUT_TEXT },
};

static const struct output_column listed_columns[] = {
    { "id", "organization", OUTPUT_NUMBER },
    { "name", "name", OUTPUT_TEXT },
    { "ownerEmail", "owner's e-mail", OUTPUT_TEXT },
    { "ownerName", "owner's name", OUTPUT_TEXT },
    { "createdAt", "created", OUTPUT_TEXT },
    { "projects", "projects", OUTPUT_NUMBER },
    { "accounts", "accounts", OUTPUT_NUMBER },
    { "activeTokens", "tokens", OUTPUT_NUMBER },
    { NULL, NULL, OUTPUT_TEXT },
};

static const struct database_refusal refusals[] = {
    { "users_email_key",
      "there is an account with the owner's e-mail address already; an address has one account" },
    { NULL, NULL },
};

struct draft {
    char *name;
    struct new_person owner;
};

static enum command_exit
insert(const struct command_call *call, const struct draft *draft)
{
    struct db_sync *db = database_open(call);
    if (!db) {
        return COMMAND_FAILED;
    }
    const struct db_named values[] = {
        { "name", DB_TEXT(draft->name) },
        { "email", DB_TEXT(draft->owner.email) },
        { "ownerName", DB_TEXT(draft->owner.name) },
        { "hash", DB_TEXT(draft->owner.has_password ? draft->owner.hash : NULL) },
        { "actor", DATABASE_OPERATOR },
        { 0 },
    };
    struct db_result *made = database_call(db, QUERY_ORGANIZATIONS_CREATE, values, refusals);
    if (made) {
        database_print_record(call, created_columns, made);
    }
    enum command_exit outcome = made ? COMMAND_DONE : COMMAND_FAILED;
    db_result_free(made);
    db_sync_close(db);
    return outcome;
}

static enum command_exit
run_create(const struct command_call *call)
{
    struct draft draft = { .name = NULL };
    enum command_exit outcome = COMMAND_MISUSED;
    if (check_name("the organization's name", call->arguments[0], &draft.name)) {
        outcome = new_person_read(call, command_value(call, "owner"), "the owner's name", "owner-name",
                                  &draft.owner);
    }
    if (outcome == COMMAND_DONE) {
        outcome = insert(call, &draft);
    }
    new_person_end(&draft.owner);
    free(draft.name);
    return outcome;
}

static enum command_exit
run_list(const struct command_call *call)
{
    const char *limit_text = command_value(call, "limit");
    int64_t limit = LIST_DEFAULT;
    if (limit_text && !check_number("--limit", limit_text, 1, LIST_MAX, &limit)) {
        return COMMAND_MISUSED;
    }
    struct db_sync *db = database_open(call);
    if (!db) {
        return COMMAND_FAILED;
    }
    const struct db_named values[] = { { "limit", DB_INT64(limit + 1) }, { 0 } };
    struct db_result *found = database_call(db, QUERY_ADMIN_LIST_ORGANIZATIONS, values, NULL);
    if (found) {
        database_print_list(call, listed_columns, found, (int)limit);
    }
    enum command_exit outcome = found ? COMMAND_DONE : COMMAND_FAILED;
    db_result_free(found);
    db_sync_close(db);
    return outcome;
}

const struct command org_commands[] = {
    { .name = "org create",
      .summary = "make an organization and its owner",
      .description = "Makes an organization together with the account of its owner, both or neither,\n"
                     "and prints the organization's number, which --org of other subcommands takes.\n"
                     "An owner without a password cannot sign in until you run\n"
                     "`testkase-admin user set-password EMAIL`.",
      .arguments = { { "NAME", "Name of the organization, 1 to 100 characters.", false } },
      .options = { { "owner", "EMAIL", "E-mail address of the owner; no other account may have it.", true },
                   { "owner-name", "NAME",
                     "Name of the owner; the part of the address before the @ by default.", false },
                   { "password-stdin", NULL,
                     "Read the owner's password: one line of standard input, or twice from the\n"
                     "terminal without echo.",
                     false } },
      .examples = "testkase-admin org create \"Example Ltd\" --owner ada@example.com\n"
                  "testkase-admin org create Demo --owner ada@example.com --password-stdin <password.txt",
      .run = run_create },
    { .name = "org list",
      .summary = "list organizations",
      .description = "Lists the organizations with their owners, and with the numbers of their\n"
                     "projects, active accounts and live tokens.",
      .options = { { "limit", "N", "At most N of them, 1 to 100000; 1000 by default.", false } },
      .examples = "testkase-admin org list",
      .run = run_list },
    { .name = NULL },
};
