#include "admin/user.h"
#include "admin/check.h"
#include "admin/database.h"
#include "admin/new_person.h"
#include "common/password_link.h"
#include <string.h>

#define LIST_DEFAULT 1000
#define LIST_MAX     100000

static const struct output_column account_columns[] = {
    { "id", "user", OUTPUT_NUMBER },         { "email", "e-mail", OUTPUT_TEXT },
    { "name", "name", OUTPUT_TEXT },         { "kind", "kind", OUTPUT_TEXT },
    { "orgRole", "role", OUTPUT_TEXT },      { "status", "status", OUTPUT_TEXT },
    { "createdAt", "created", OUTPUT_TEXT }, { NULL, NULL, OUTPUT_TEXT },
};

static const struct output_column listed_columns[] = {
    { "id", "user", OUTPUT_NUMBER },
    { "email", "e-mail", OUTPUT_TEXT },
    { "name", "name", OUTPUT_TEXT },
    { "kind", "kind", OUTPUT_TEXT },
    { "orgRole", "role", OUTPUT_TEXT },
    { "status", "status", OUTPUT_TEXT },
    { "organizationId", "organization", OUTPUT_NUMBER },
    { "createdAt", "created", OUTPUT_TEXT },
    { "hasPassword", "password", OUTPUT_TRUTH },
    { "activeTokens", "tokens", OUTPUT_NUMBER },
    { NULL, NULL, OUTPUT_TEXT },
};

static const struct output_column password_columns[] = {
    { "id", "user", OUTPUT_NUMBER }, { "email", "e-mail", OUTPUT_TEXT },
    { "name", "name", OUTPUT_TEXT }, { "organizationId", "organization", OUTPUT_NUMBER },
    { NULL, NULL, OUTPUT_TEXT },
};

static const struct database_refusal refusals[] = {
    { "users_email_key", "there is an account with that e-mail address already; an address has one account" },
    { NULL, NULL },
};

/* --- user create --- */

struct draft {
    int64_t organization_id;
    struct new_person person;
    const char *kind;
    const char *role;
};

static enum command_exit
insert(const struct command_call *call, const struct draft *draft)
{
    struct db_sync *db = database_open(call);
    if (!db) {
        return COMMAND_FAILED;
    }
    const struct db_named values[] = {
        { "organization", DB_INT64(draft->organization_id) },
        { "email", DB_TEXT(draft->person.email) },
        { "name", DB_TEXT(draft->person.name) },
        { "kind", DB_TEXT(draft->kind) },
        { "orgRole", DB_TEXT(draft->role) },
        { "hash", DB_TEXT(draft->person.has_password ? draft->person.hash : NULL) },
        { "actor", DATABASE_OPERATOR },
        { 0 },
    };
    struct db_result *made = database_call(db, QUERY_USERS_CREATE, values, refusals);
    enum command_exit outcome = COMMAND_FAILED;
    if (made && !database_found(made)) {
        output_error("there is no organization %lld", (long long)draft->organization_id);
    } else if (made) {
        database_print_record(call, account_columns, made);
        outcome = COMMAND_DONE;
    }
    db_result_free(made);
    db_sync_close(db);
    return outcome;
}

static enum command_exit
read_draft(const struct command_call *call, struct draft *draft)
{
    const char *role = command_value(call, "role");
    draft->role = role ? role : "member";
    draft->kind = command_value(call, "service") ? "service" : "person";
    if (command_value(call, "password-stdin") && command_value(call, "service")) {
        output_error("a service account has no password: leave out --password-stdin");
        return COMMAND_MISUSED;
    }
    if (!check_choice("--role", draft->role, "admin|member") ||
        !check_id("--org", command_value(call, "org"), &draft->organization_id)) {
        return COMMAND_MISUSED;
    }
    return new_person_read(call, call->arguments[0], "the name", "name", &draft->person);
}

static enum command_exit
run_create(const struct command_call *call)
{
    struct draft draft = { .role = NULL };
    enum command_exit outcome = read_draft(call, &draft);
    if (outcome == COMMAND_DONE) {
        outcome = insert(call, &draft);
    }
    new_person_end(&draft.person);
    return outcome;
}

/* --- user list --- */

static enum command_exit
run_list(const struct command_call *call)
{
    const char *org = command_value(call, "org");
    const char *status = command_value(call, "status");
    const char *limit_text = command_value(call, "limit");
    int64_t organization_id = 0, limit = LIST_DEFAULT;
    if ((org && !check_id("--org", org, &organization_id)) ||
        (status && !check_choice("--status", status, "active|deactivated|all")) ||
        (limit_text && !check_number("--limit", limit_text, 1, LIST_MAX, &limit))) {
        return COMMAND_MISUSED;
    }
    struct db_sync *db = database_open(call);
    if (!db) {
        return COMMAND_FAILED;
    }
    const struct db_named values[] = {
        { "organization", org ? DB_INT64(organization_id) : DB_NULL },
        { "status", DB_TEXT(status ? status : "all") },
        { "limit", DB_INT64(limit + 1) },
        { 0 },
    };
    struct db_result *found = database_call(db, QUERY_ADMIN_LIST_USERS, values, NULL);
    if (found) {
        database_print_list(call, listed_columns, found, (int)limit);
    }
    enum command_exit outcome = found ? COMMAND_DONE : COMMAND_FAILED;
    db_result_free(found);
    db_sync_close(db);
    return outcome;
}

/* --- one account --- */

static void
take_user(const struct db_result *result, struct user_found *ret_user)
{
    ret_user->id = database_int64(result, 0, "id");
    ret_user->organization_id = database_int64(result, 0, "organizationId");
    snprintf(ret_user->email, sizeof(ret_user->email), "%s", database_text(result, 0, "email"));
    snprintf(ret_user->name, sizeof(ret_user->name), "%s", database_text(result, 0, "name"));
    ret_user->is_service = strcmp(database_text(result, 0, "kind"), "service") == 0;
}

/* `advice` ends the message that there is no such account. */
static bool
find_or_advise(struct db_sync *db, const char *email, const char *advice, struct user_found *ret_user)
{
    const struct db_named values[] = { { "email", DB_TEXT(email) }, { 0 } };
    struct db_result *found = database_call(db, QUERY_ADMIN_FIND_USER, values, NULL);
    bool is_there = found && db_rows(found) == 1;
    if (is_there) {
        take_user(found, ret_user);
    } else if (found) {
        output_error("there is no account with the e-mail address %s%s", email, advice);
    }
    db_result_free(found);
    return is_there;
}

bool
user_find(struct db_sync *db, const char *email, struct user_found *ret_user)
{
    return find_or_advise(db, email, "", ret_user);
}

static enum command_exit
print_update(const struct command_call *call, const struct db_result *result)
{
    if (!database_found(result)) {
        output_error("the account does not exist any more");
        return COMMAND_FAILED;
    }
    if (strcmp(database_text(result, 0, "outcome"), "is_owner") == 0) {
        output_error(
            "the owner of an organization can be neither deactivated nor deleted; make another person "
            "of it the owner first: `testkase-admin user make-owner EMAIL`");
        return COMMAND_FAILED;
    }
    database_print_record(call, account_columns, result);
    return COMMAND_DONE;
}

/* Changes the account's status; fine if it has that status already. */
static enum command_exit
set_status(const struct command_call *call, const char *status)
{
    if (!check_email(call->arguments[0])) {
        return COMMAND_MISUSED;
    }
    struct db_sync *db = database_open(call);
    struct user_found user;
    if (!db || !user_find(db, call->arguments[0], &user)) {
        db_sync_close(db);
        return COMMAND_FAILED;
    }
    const struct db_named values[] = {
        { "organization", DB_INT64(user.organization_id) },
        { "id", DB_INT64(user.id) },
        { "name", DB_NULL },
        { "orgRole", DB_NULL },
        { "status", DB_TEXT(status) },
        { "actor", DATABASE_OPERATOR },
        { 0 },
    };
    struct db_result *updated = database_call(db, QUERY_USERS_UPDATE, values, NULL);
    enum command_exit outcome = updated ? print_update(call, updated) : COMMAND_FAILED;
    db_result_free(updated);
    db_sync_close(db);
    return outcome;
}

static enum command_exit
run_deactivate(const struct command_call *call)
{
    return set_status(call, "deactivated");
}

static enum command_exit
run_reactivate(const struct command_call *call)
{
    return set_status(call, "active");
}

static enum command_exit
run_delete(const struct command_call *call)
{
    return set_status(call, "deleted");
}

/* --- user make-owner --- */

static const struct output_column owner_columns[] = {
    { "id", "user", OUTPUT_NUMBER },
    { "email", "e-mail", OUTPUT_TEXT },
    { "name", "name", OUTPUT_TEXT },
    { "orgRole", "role", OUTPUT_TEXT },
    { "organizationId", "organization", OUTPUT_NUMBER },
    { "earlierOwner", "now an admin", OUTPUT_TEXT },
    { NULL, NULL, OUTPUT_TEXT },
};

static const struct {
    const char *outcome;
    const char *sentence;
} owner_refusals[] = {
    { "is_service", "a service account cannot sign in, so it cannot be the owner" },
    { "not_active", "the account is deactivated; reactivate it first" },
    { "no_password",
      "the person has not set a password, so nobody could sign in as the owner; pass on the link of "
      "`testkase-admin user invite EMAIL` first" },
    { "overtaken", "somebody else has changed the owner at the same time; nothing was changed" },
};

static enum command_exit
print_owner(const struct command_call *call, const struct db_result *made)
{
    const char *outcome = database_text(made, 0, "outcome");
    for (size_t i = 0; i < DATABASE_COUNT(owner_refusals); i++) {
        if (strcmp(outcome, owner_refusals[i].outcome) == 0) {
            output_error("%s", owner_refusals[i].sentence);
            return COMMAND_FAILED;
        }
    }
    if (!database_found(made)) {
        output_error("the account does not exist any more");
        return COMMAND_FAILED;
    }
    database_print_record(call, owner_columns, made);
    return COMMAND_DONE;
}

static enum command_exit
run_make_owner(const struct command_call *call)
{
    if (!check_email(call->arguments[0])) {
        return COMMAND_MISUSED;
    }
    struct db_sync *db = database_open(call);
    struct user_found user;
    if (!db || !user_find(db, call->arguments[0], &user)) {
        db_sync_close(db);
        return COMMAND_FAILED;
    }
    const struct db_named values[] = { { "id", DB_INT64(user.id) }, { "actor", DATABASE_OPERATOR }, { 0 } };
    struct db_result *made = database_call(db, QUERY_ADMIN_MAKE_OWNER, values, NULL);
    enum command_exit outcome = made ? print_owner(call, made) : COMMAND_FAILED;
    db_result_free(made);
    db_sync_close(db);
    return outcome;
}

/* --- user set-password --- */

static enum command_exit
store_password(const struct command_call *call, struct db_sync *db, const struct user_found *user,
               const char *hash)
{
    const struct db_named values[] = {
        { "id", DB_INT64(user->id) }, { "hash", DB_TEXT(hash) }, { "actor", DATABASE_OPERATOR }, { 0 }
    };
    struct db_result *changed = database_call(db, QUERY_ADMIN_SET_PASSWORD, values, NULL);
    enum command_exit outcome = COMMAND_FAILED;
    if (changed && db_rows(changed) == 0) {
        output_error("the account does not exist any more");
    } else if (changed) {
        database_print_record(call, password_columns, changed);
        outcome = COMMAND_DONE;
    }
    db_result_free(changed);
    return outcome;
}

static enum command_exit
change_password(const struct command_call *call, struct db_sync *db)
{
    struct user_found user;
    if (!user_find(db, call->arguments[0], &user)) {
        return COMMAND_FAILED;
    }
    if (user.is_service) {
        output_error("a service account has no password; it only uses tokens");
        return COMMAND_FAILED;
    }
    char hash[SECRET_HASH_SIZE];
    if (!check_password(call->config, user.email, user.name, hash)) {
        return COMMAND_FAILED;
    }
    enum command_exit outcome = store_password(call, db, &user, hash);
    secret_wipe(hash, sizeof(hash));
    return outcome;
}

static enum command_exit
run_set_password(const struct command_call *call)
{
    if (!check_email(call->arguments[0])) {
        return COMMAND_MISUSED;
    }
    struct db_sync *db = database_open(call);
    if (!db) {
        return COMMAND_FAILED;
    }
    enum command_exit outcome = change_password(call, db);
    db_sync_close(db);
    return outcome;
}

/* --- user invite --- */

#define UNSET_PUBLIC_URL "http://127.0.0.1:8080"

static const struct output_column link_columns[] = {
    { "email", "e-mail", OUTPUT_TEXT },
    { "purpose", "purpose", OUTPUT_TEXT },
    { "expiresAt", "expires", OUTPUT_TEXT },
    { "link", "link", OUTPUT_TEXT },
    { NULL, NULL, OUTPUT_TEXT },
};

static void
print_link(const struct command_call *call, const struct user_found *user, const struct db_result *made,
           const char *secret)
{
    char link[PASSWORD_LINK_SIZE];
    const char *cells[DATABASE_COUNT(link_columns)];
    password_link_write(call->config->public_url, secret, link);
    database_cells(made, 0, link_columns, cells);
    output_set_cell(link_columns, cells, "email", user->email);
    output_set_cell(link_columns, cells, "link", link);
    output_record(stdout, link_columns, cells, call->json);
    secret_wipe(link, sizeof(link));
    if (strcmp(call->config->public_url, UNSET_PUBLIC_URL) == 0) {
        output_error("the link begins with " UNSET_PUBLIC_URL "; if people use another address, set "
                     "TESTKASE_PUBLIC_URL to it");
    }
}

static enum command_exit
make_link(const struct command_call *call, struct db_sync *db, const struct user_found *user)
{
    char secret[PASSWORD_LINK_SECRET_SIZE];
    unsigned char digest[SECRET_DIGEST_SIZE];
    password_link_make(secret, digest);
    const struct db_named values[] = {
        { "organization", DB_INT64(user->organization_id) },
        { "id", DB_INT64(user->id) },
        { "session", DB_NULL },
        { "digest", DB_BINARY((const char *)digest, sizeof(digest)) },
        { "actor", DATABASE_OPERATOR },
        { 0 },
    };
    struct db_result *made = database_call(db, QUERY_PASSWORD_LINKS_MAKE, values, NULL);
    const char *outcome = made ? database_text(made, 0, "outcome") : "";
    bool is_made = strcmp(outcome, "made") == 0;
    if (is_made) {
        print_link(call, user, made, secret);
    } else if (strcmp(outcome, "is_service") == 0) {
        output_error("a service account has no password; make a token for it with `token create`");
    } else if (strcmp(outcome, "not_active") == 0) {
        output_error("the account is deactivated; reactivate it first");
    } else if (made) {
        output_error("the account does not exist any more");
    }
    db_result_free(made);
    secret_wipe(secret, sizeof(secret));
    return is_made ? COMMAND_DONE : COMMAND_FAILED;
}

static enum command_exit
run_invite(const struct command_call *call)
{
    if (!check_email(call->arguments[0])) {
        return COMMAND_MISUSED;
    }
    struct db_sync *db = database_open(call);
    struct user_found user;
    enum command_exit outcome = COMMAND_FAILED;
    const char *advice = "; make it first: `testkase-admin user create EMAIL --org ID`";
    if (db && find_or_advise(db, call->arguments[0], advice, &user)) {
        outcome = make_link(call, db, &user);
    }
    db_sync_close(db);
    return outcome;
}

#define EMAIL_ARGUMENT                                                                                       \
    {                                                                                                        \
        {                                                                                                    \
            "EMAIL", "E-mail address of the account; letter case does not matter.", false                    \
        }                                                                                                    \
    }

const struct command user_commands[] = {
    { .name = "user create",
      .summary = "make an account",
      .description = "Makes the account of a person or, with --service, of a machine (\"ci-bot@…\").\n"
                     "A person without a password cannot sign in: pass on the link that\n"
                     "`testkase-admin user invite EMAIL` prints. A service account never has a\n"
                     "password; it uses tokens, from `testkase-admin token create EMAIL`.",
      .arguments = { { "EMAIL", "E-mail address; no other account may have it.", false } },
      .options = { { "org", "ID", "Organization that the account belongs to.", true },
                   { "role", "admin|member", "Role in the organization; member by default.", false },
                   { "service", NULL, "Make a service account.", false },
                   { "name", "NAME",
                     "Name, 1 to 100 characters; the part of the address before the @ by default.", false },
                   { "password-stdin", NULL,
                     "Read the password: one line of standard input, or twice from the terminal\n"
                     "without echo. 8 to 128 characters, not one of the most common passwords.",
                     false } },
      .examples =
          "testkase-admin user create grace@example.com --org 1173 --role admin --name \"Grace Hopper\"\n"
          "testkase-admin user create ci-bot@example.com --org 1173 --service",
      .run = run_create },
    { .name = "user invite",
      .summary = "print a link by which a person sets a password",
      .description = "Makes a one-time link and prints it, this once: only a digest of it is kept.\n"
                     "A person who has no password yet gets an invitation, valid for 7 days; a person\n"
                     "who has one gets a link that replaces it, valid for a day, and, if the worker\n"
                     "sends mail, is told of it. It takes the place of the link that this command\n"
                     "or an admin made before. Whoever has the link can sign in as the person: pass\n"
                     "it on by a private message. It begins with TESTKASE_PUBLIC_URL.",
      .arguments = EMAIL_ARGUMENT,
      .examples = "testkase-admin user invite grace@example.com\n"
                  "testkase-admin user invite grace@example.com --json | jq -r .link",
      .run = run_invite },
    { .name = "user list",
      .summary = "list accounts",
      .description = "Lists people and service accounts, with the number of their live tokens, without\n"
                     "deleted accounts.",
      .options = { { "org", "ID", "Only the accounts of this organization.", false },
                   { "status", "active|deactivated|all",
                     "Only the accounts with this status; all by default.", false },
                   { "limit", "N", "At most N of them, 1 to 100000; 1000 by default.", false } },
      .examples = "testkase-admin user list --org 1173\n"
                  "testkase-admin user list --status deactivated --json",
      .run = run_list },
    { .name = "user deactivate",
      .summary = "deactivate an account, and end all its tokens",
      .description = "When this command ends, no server accepts a token or session of the account any\n"
                     "more. Its tokens stay ended even if the account is reactivated. The owner of\n"
                     "an organization cannot be deactivated. It is no error if the account is\n"
                     "deactivated already.",
      .arguments = EMAIL_ARGUMENT,
      .examples = "testkase-admin user deactivate leaver@example.com",
      .run = run_deactivate },
    { .name = "user reactivate",
      .summary = "reactivate a deactivated account",
      .description = "The account can sign in with its password and make tokens again. Its earlier\n"
                     "tokens stay ended. It is no error if the account is active already.",
      .arguments = EMAIL_ARGUMENT,
      .examples = "testkase-admin user reactivate back@example.com",
      .run = run_reactivate },
    { .name = "user delete",
      .summary = "delete an account for good, with all its tokens",
      .description = "Like deactivation, but the account cannot be restored, and another account may\n"
                     "get its address. The audit log keeps its actions. The owner of an organization\n"
                     "cannot be deleted. The command does not ask whether you are sure.",
      .arguments = EMAIL_ARGUMENT,
      .examples = "testkase-admin user delete leaver@example.com",
      .run = run_delete },
    { .name = "user make-owner",
      .summary = "make a person the owner of the organization",
      .description = "Makes an active person who has a password the owner of the organization that\n"
                     "the account belongs to. The owner until then becomes an admin, and can be\n"
                     "deactivated like one. It is no error if the person is the owner already.",
      .arguments = EMAIL_ARGUMENT,
      .examples = "testkase-admin user make-owner grace@example.com",
      .run = run_make_owner },
    { .name = "user set-password",
      .summary = "give a person a new password",
      .description = "Reads the password from the terminal, twice and without echo, or one line of\n"
                     "standard input if that is not a terminal; never from the command line. 8 to 128\n"
                     "characters, not one of the most common passwords, not the address or the name.\n"
                     "All sessions of the person end; the tokens do not.",
      .arguments = EMAIL_ARGUMENT,
      .examples = "testkase-admin user set-password ada@example.com\n"
                  "testkase-admin user set-password ada@example.com <password.txt",
      .run = run_set_password },
    { .name = NULL },
};
