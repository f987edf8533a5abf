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

struct wish {
    char *name;
    const char *email;
    char *owner_name;
    bool has_password;
    char hash[SECRET_HASH_SIZE];
};

static enum command_exit
insert(const struct command_call *call, const struct wish *wish)
{
    struct db_sync *db = database_open(call);
    if (!db) {
        return COMMAND_FAILED;
    }
    const struct db_named values[] = {
        { "name", DB_TEXT(wish->name) },
        { "email", DB_TEXT(wish->email) },
        { "ownerName", DB_TEXT(wish->owner_name) },
        { "hash", DB_TEXT(wish->has_password ? wish->hash : NULL) },
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
read_wish(const struct command_call *call, struct wish *wish)
{
    const char *owner_name = command_value(call, "owner-name");
    wish->email = command_value(call, "owner");
    if (!check_name("the organization's name", call->arguments[0], &wish->name) ||
        !check_email(wish->email)) {
        return COMMAND_MISUSED;
    }
    char *default_name = memory_copy_text(wish->email, strcspn(wish->email, "@"));
    bool named = check_name("the owner's name", owner_name ? owner_name : default_name, &wish->owner_name);
    free(default_name);
    if (!named) {
        return COMMAND_MISUSED;
    }
    wish->has_password = command_value(call, "password-stdin") != NULL;
    if (wish->has_password && !check_password(call->config, wish->email, wish->owner_name, wish->hash)) {
        return COMMAND_FAILED;
    }
    return COMMAND_DONE;
}

static enum command_exit
run_create(const struct command_call *call)
{
    struct wish wish = { .name = NULL };
    enum command_exit outcome = read_wish(call, &wish);
    if (outcome == COMMAND_DONE) {
        outcome = insert(call, &wish);
    }
    secret_wipe(wish.hash, sizeof(wish.hash));
    free(wish.name);
    free(wish.owner_name);
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
