#include "admin/org.h"
#include "admin/check.h"
#include "admin/database.h"
#include "common/memory.h"
#include <stdlib.h>
#include <string.h>

static const struct output_column created_columns[] = {
    { "id", "organization", OUTPUT_NUMBER },      { "name", "name", OUTPUT_TEXT },
    { "ownerId", "owner", OUTPUT_NUMBER },        { "ownerEmail", "owner's e-mail", OUTPUT_TEXT },
    { "ownerName", "owner's name", OUTPUT_TEXT }, { NULL, NULL, OUTPUT_TEXT },
};

static const struct database_refusal refusals[] = {
    { "users_email_key",
      "there is an account with the owner's e-mail address already; an address has one account" },
    { NULL, NULL },
};

struct draft {
    char *name;
    const char *email;
    char *owner_name;
    bool has_password;
    char hash[SECRET_HASH_SIZE];
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
        { "email", DB_TEXT(draft->email) },
        { "ownerName", DB_TEXT(draft->owner_name) },
        { "hash", DB_TEXT(draft->has_password ? draft->hash : NULL) },
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
read_draft(const struct command_call *call, struct draft *draft)
{
    const char *owner_name = command_value(call, "owner-name");
    draft->email = command_value(call, "owner");
    if (!check_name("the organization's name", call->arguments[0], &draft->name) ||
        !check_email(draft->email)) {
        return COMMAND_MISUSED;
    }
    char *default_name = memory_copy_text(draft->email, strcspn(draft->email, "@"));
    bool named = check_name("the owner's name", owner_name ? owner_name : default_name, &draft->owner_name);
    free(default_name);
    if (!named) {
        return COMMAND_MISUSED;
    }
    draft->has_password = command_value(call, "password-stdin") != NULL;
    if (draft->has_password && !check_password(call->config, draft->email, draft->owner_name, draft->hash)) {
        return COMMAND_FAILED;
    }
    return COMMAND_DONE;
}

static enum command_exit
run_create(const struct command_call *call)
{
    struct draft draft = { .name = NULL };
    enum command_exit outcome = read_draft(call, &draft);
    if (outcome == COMMAND_DONE) {
        outcome = insert(call, &draft);
    }
    secret_wipe(draft.hash, sizeof(draft.hash));
    free(draft.name);
    free(draft.owner_name);
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
    { .name = NULL },
};
