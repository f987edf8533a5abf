#include "admin/token.h"
#include "admin/check.h"
#include "admin/database.h"
#include "admin/presented.h"
#include "admin/user.h"
#include "common/text.h"
#include "common/token.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_DEFAULT   1000
#define LIST_MAX       100000
#define RATE_LIMIT_MAX 1000000

static const struct output_column listed_columns[] = {
    { "id", "token", OUTPUT_NUMBER },
    { "name", "name", OUTPUT_TEXT },
    { "tokenPreview", "preview", OUTPUT_TEXT },
    { "ownerEmail", "owner", OUTPUT_TEXT },
    { "status", "status", OUTPUT_TEXT },
    { "createdAt", "created", OUTPUT_TEXT },
    { "expiresAt", "expires", OUTPUT_TEXT },
    { "rotateAt", NULL, OUTPUT_TEXT },
    { "lastUsedAt", "last used", OUTPUT_TEXT },
    { "lastUsedIp", NULL, OUTPUT_TEXT },
    { "rateLimit", NULL, OUTPUT_NUMBER },
    { "endedAt", NULL, OUTPUT_TEXT },
    { "endedReason", "ended", OUTPUT_TEXT },
    { "ownerId", NULL, OUTPUT_NUMBER },
    { "organizationId", "organization", OUTPUT_NUMBER },
    { NULL, NULL, OUTPUT_TEXT },
};

static const struct output_column created_columns[] = {
    { "id", NULL, OUTPUT_NUMBER },
    { "name", NULL, OUTPUT_TEXT },
    { "token", NULL, OUTPUT_TEXT },
    { "tokenPreview", NULL, OUTPUT_TEXT },
    { "createdAt", NULL, OUTPUT_TEXT },
    { "expiresAt", NULL, OUTPUT_TEXT },
    { "expiresInDays", NULL, OUTPUT_NUMBER },
    { "rotateAt", NULL, OUTPUT_TEXT },
    { "ownerId", NULL, OUTPUT_NUMBER },
    { "ownerEmail", NULL, OUTPUT_TEXT },
    { NULL, NULL, OUTPUT_TEXT },
};

static const struct output_column revoked_columns[] = {
    { "id", "token", OUTPUT_NUMBER },
    { "name", "name", OUTPUT_TEXT },
    { "tokenPreview", "preview", OUTPUT_TEXT },
    { "ownerId", "owner", OUTPUT_NUMBER },
    { NULL, NULL, OUTPUT_TEXT },
};

static const struct output_column limited_columns[] = {
    { "id", "token", OUTPUT_NUMBER },
    { "name", "name", OUTPUT_TEXT },
    { "tokenPreview", "preview", OUTPUT_TEXT },
    { "rateLimit", "requests a minute", OUTPUT_NUMBER },
    { NULL, NULL, OUTPUT_TEXT },
};

/* The last column is not one of the statement. */
static const struct output_column identified_columns[] = {
    { "id", "token", OUTPUT_NUMBER },
    { "name", "name", OUTPUT_TEXT },
    { "tokenPreview", "preview", OUTPUT_TEXT },
    { "status", "status", OUTPUT_TEXT },
    { "ownerId", "owner", OUTPUT_NUMBER },
    { "ownerEmail", "owner's e-mail", OUTPUT_TEXT },
    { "ownerName", "owner's name", OUTPUT_TEXT },
    { "ownerKind", "owner's kind", OUTPUT_TEXT },
    { "organizationId", "organization", OUTPUT_NUMBER },
    { "organizationName", "organization's name", OUTPUT_TEXT },
    { "createdAt", "created", OUTPUT_TEXT },
    { "expiresAt", "expires", OUTPUT_TEXT },
    { "lastUsedAt", "last used", OUTPUT_TEXT },
    { "lastUsedIp", "last used from", OUTPUT_TEXT },
    { "endedAt", "ended", OUTPUT_TEXT },
    { "endedReason", "reason", OUTPUT_TEXT },
    { "secretProven", "secret proven", OUTPUT_TRUTH },
    { NULL, NULL, OUTPUT_TEXT },
};

/* --- token list --- */

struct list_filter {
    const char *status;
    int64_t limit;
    struct db_value owner; /* user id, or null for everybody */
};

static enum command_exit
list_found(const struct command_call *call, struct db_sync *db, const struct list_filter *filter)
{
    const struct db_named values[] = { { "owner", filter->owner },
                                       { "status", DB_TEXT(filter->status) },
                                       { "limit", DB_INT64(filter->limit + 1) },
                                       { 0 } };
    struct db_result *found = database_call(db, QUERY_ADMIN_LIST_TOKENS, values, NULL);
    if (found) {
        database_print_list(call, listed_columns, found, (int)filter->limit);
    }
    enum command_exit outcome = found ? COMMAND_DONE : COMMAND_FAILED;
    db_result_free(found);
    return outcome;
}

static bool
find_owner(struct db_sync *db, const char *email, struct list_filter *filter)
{
    struct user_found user;
    filter->owner = DB_NULL;
    if (!email) {
        return true;
    }
    if (!user_find(db, email, &user)) {
        return false;
    }
    filter->owner = DB_INT64(user.id);
    return true;
}

static enum command_exit
run_list(const struct command_call *call)
{
    const char *email = command_value(call, "user");
    const char *status = command_value(call, "status");
    const char *limit = command_value(call, "limit");
    struct list_filter filter = { .status = status ? status : "active", .limit = LIST_DEFAULT };
    if ((email && !check_email(email)) ||
        !check_choice("--status", filter.status, "active|expired|revoked|all") ||
        (limit && !check_number("--limit", limit, 1, LIST_MAX, &filter.limit))) {
        return COMMAND_MISUSED;
    }
    struct db_sync *db = database_open(call);
    enum command_exit outcome = COMMAND_FAILED;
    if (db && find_owner(db, email, &filter)) {
        outcome = list_found(call, db, &filter);
    }
    db_sync_close(db);
    return outcome;
}

/* --- token create --- */

struct new_token {
    char text[TOKEN_LENGTH + 1];
    char lookup[TOKEN_LOOKUP_LENGTH + 1];
    char preview[TOKEN_PREVIEW_SIZE];
    char hash[SECRET_HASH_SIZE];
};

/* The message for each outcome of api_keys/create except "created". */
static const struct database_refusal creation_refusals[] = {
    { "not_found", "the account was deleted meanwhile" },
    { "owner_not_active",
      "the account is deactivated; to reactivate it: testkase-admin user reactivate EMAIL" },
    { "creation_forbidden", "the organization does not allow tokens to create tokens" },
    { "period_too_long", "the organization only allows shorter periods (maxExpiryDays)" },
    { NULL, NULL },
};

static const struct database_refusal collision[] = {
    { "api_tokens_idempotency_key",
      "another command with this idempotency key has just made a token: run the command again to see which" },
    { "api_tokens_lookup_id_key",
      "the new token's look-up id is in use already, which is rare: run the command again" },
    { NULL, NULL },
};

/* Not by stdio, whose buffer would keep a copy. */
static bool
write_token(const char *text)
{
    char line[TOKEN_LENGTH + 1];
    memcpy(line, text, TOKEN_LENGTH);
    line[TOKEN_LENGTH] = '\n';
    size_t done = 0;
    while (done < sizeof(line)) {
        ssize_t written = write(STDOUT_FILENO, line + done, sizeof(line) - done);
        if (written < 0 && errno != EINTR) {
            break;
        }
        done += written > 0 ? (size_t)written : 0;
    }
    secret_wipe(line, sizeof(line));
    return done == sizeof(line);
}

static bool
print_new_token(const struct command_call *call, const struct db_result *made, const struct new_token *token,
                const struct user_found *owner)
{
    if (!call->json) {
        output_error(
            "token %s (%s) of %s is valid until %s; it is shown only now:", database_text(made, 0, "id"),
            token->preview, owner->email, database_text(made, 0, "expiresAt"));
        return write_token(token->text);
    }
    const char *cells[DATABASE_COUNT(created_columns)];
    char owner_id[TEXT_NUMBER_SIZE];
    text_number(owner->id, owner_id);
    database_cells(made, 0, created_columns, cells);
    output_set_cell(created_columns, cells, "token", token->text);
    output_set_cell(created_columns, cells, "ownerId", owner_id);
    output_set_cell(created_columns, cells, "ownerEmail", owner->email);
    output_record(stdout, created_columns, cells, true);
    return fflush(stdout) == 0;
}

static enum command_exit
print_creation(const struct command_call *call, const struct db_result *made, const struct new_token *token,
               const struct user_found *owner)
{
    const char *outcome = db_rows(made) == 1 ? database_text(made, 0, "outcome") : "owner_not_active";
    if (strcmp(outcome, "idempotency_key_used") == 0) {
        const char *id = database_text(made, 0, "in_the_way");
        output_error("an earlier command with this idempotency key made token %s, which cannot be shown "
                     "again; if it is "
                     "lost: testkase-admin token revoke %s, then use another key",
                     id, id);
        return COMMAND_FAILED;
    }
    for (const struct database_refusal *refusal = creation_refusals; refusal->constraint; refusal++) {
        if (strcmp(outcome, refusal->constraint) == 0) {
            output_error("%s", refusal->sentence);
            return COMMAND_FAILED;
        }
    }
    if (!print_new_token(call, made, token, owner)) {
        output_error(
            "the token cannot be written to standard output and is lost: testkase-admin token revoke %s",
            database_text(made, 0, "id"));
        return COMMAND_FAILED;
    }
    return COMMAND_DONE;
}

static enum command_exit
store_token(const struct command_call *call, struct db_sync *db, const struct user_found *owner,
            const struct new_token *token, const char *name)
{
    const struct db_named values[] = {
        { "owner", DB_INT64(owner->id) },
        { "ofService", DB_TEXT("false") },
        { "session", DB_NULL },
        { "predecessor", DB_NULL },
        { "lookup", DB_TEXT(token->lookup) },
        { "hash", DB_TEXT(token->hash) },
        { "preview", DB_TEXT(token->preview) },
        { "name", DB_TEXT(name) },
        { "expiresInDays", DB_TEXT(command_value(call, "expires-in-days")) },
        { "purpose", DB_TEXT(command_value(call, "purpose")) },
        { "link", DB_TEXT(command_value(call, "link")) },
        { "idempotencyKey", DB_TEXT(command_value(call, "idempotency-key")) },
        { "actor", DATABASE_OPERATOR },
        { 0 },
    };
    struct db_result *made = database_call(db, QUERY_API_KEYS_CREATE, values, collision);
    enum command_exit outcome = made ? print_creation(call, made, token, owner) : COMMAND_FAILED;
    db_result_free(made);
    return outcome;
}

static bool
make_token(const struct config *config, struct new_token *ret_token)
{
    struct secret_cost cost = check_cost(config);
    token_make(ret_token->text);
    token_preview(ret_token->text, ret_token->preview);
    if (!token_parse(ret_token->text, TOKEN_LENGTH, ret_token->lookup) ||
        secret_hash(ret_token->text, TOKEN_LENGTH, &cost, ret_token->hash) < 0) {
        output_error("the token cannot be hashed: not enough memory for the configured argon2 costs");
        return false;
    }
    return true;
}

static enum command_exit
create_for(const struct command_call *call, struct db_sync *db, const char *name)
{
    struct user_found owner;
    struct new_token token;
    enum command_exit outcome = COMMAND_FAILED;
    if (!user_find(db, call->arguments[0], &owner)) {
        return COMMAND_FAILED;
    }
    if (make_token(call->config, &token)) {
        outcome = store_token(call, db, &owner, &token, name);
    }
    secret_wipe(&token, sizeof(token));
    return outcome;
}

static enum command_exit
run_create(const struct command_call *call)
{
    char *name;
    if (!check_email(call->arguments[0]) ||
        !check_choice("--expires-in-days", command_value(call, "expires-in-days"), "7|30|60|90|180|365") ||
        !check_note("the purpose", command_value(call, "purpose")) ||
        !check_link("the link", command_value(call, "link")) ||
        !check_idempotency_key(command_value(call, "idempotency-key")) ||
        !check_name("the token's name", command_value(call, "name"), &name)) {
        return COMMAND_MISUSED;
    }
    struct db_sync *db = database_open(call);
    enum command_exit outcome = db ? create_for(call, db, name) : COMMAND_FAILED;
    db_sync_close(db);
    free(name);
    return outcome;
}

/* --- token revoke --- */

/* Prints why the token was not changed. */
static void
tell_why_not(struct db_sync *db, int64_t id)
{
    const struct db_named values[] = { { "id", DB_INT64(id) }, { 0 } };
    struct db_result *found = database_call(db, QUERY_ADMIN_FIND_TOKEN, values, NULL);
    if (found && db_rows(found) == 0) {
        output_error("there is no token %lld", (long long)id);
    } else if (found) {
        output_error("token %lld has already ended: %s at %s", (long long)id,
                     database_text(found, 0, "endedReason"), database_text(found, 0, "endedAt"));
    }
    db_result_free(found);
}

/* Prints what became of the token, in one row; no row means that it was no live token. */
static enum command_exit
print_change(const struct command_call *call, struct db_sync *db, const struct output_column *columns,
             int64_t id, const struct db_result *changed)
{
    if (!changed) {
        return COMMAND_FAILED;
    }
    if (!database_found(changed)) {
        tell_why_not(db, id);
        return COMMAND_FAILED;
    }
    database_print_record(call, columns, changed);
    return COMMAND_DONE;
}

static enum command_exit
end_token(const struct command_call *call, struct db_sync *db, int64_t token_id)
{
    const struct db_named values[] = {
        { "id", DB_INT64(token_id) },
        { "caller", DB_NULL },
        { "user", DB_NULL },
        { "reason", DB_TEXT(command_value(call, "leaked") ? "leaked" : "revoked") },
        { "note", DB_TEXT(command_value(call, "note")) },
        { "withDescendants", DB_TEXT(command_value(call, "with-descendants") ? "true" : "false") },
        { "actor", DATABASE_OPERATOR },
        { 0 },
    };
    struct db_result *ended = database_call(db, QUERY_API_KEYS_REVOKE, values, NULL);
    enum command_exit outcome = print_change(call, db, revoked_columns, token_id, ended);
    db_result_free(ended);
    return outcome;
}

static enum command_exit
run_revoke(const struct command_call *call)
{
    struct presented presented;
    const char *argument = call->arguments[0];
    bool is_id = !call->token_in_argv && strcmp(argument, "-") != 0;
    if (!check_note("the note", command_value(call, "note")) ||
        (is_id && !check_id("the token's identifier", argument, &presented.token_id))) {
        return COMMAND_MISUSED;
    }
    struct db_sync *db = database_open(call);
    enum command_exit outcome = COMMAND_FAILED;
    if (db && (is_id || presented_find(call, 0, db, &presented))) {
        outcome = end_token(call, db, presented.token_id);
    }
    db_sync_close(db);
    return outcome;
}

/* --- token set-rate-limit --- */

static enum command_exit
limit_token(const struct command_call *call, struct db_sync *db, int64_t token_id, struct db_value limit)
{
    const struct db_named values[] = {
        { "id", DB_INT64(token_id) }, { "rateLimit", limit }, { "actor", DATABASE_OPERATOR }, { 0 }
    };
    struct db_result *changed = database_call(db, QUERY_ADMIN_SET_RATE_LIMIT, values, NULL);
    enum command_exit outcome = print_change(call, db, limited_columns, token_id, changed);
    db_result_free(changed);
    return outcome;
}

static enum command_exit
run_set_rate_limit(const struct command_call *call)
{
    int64_t token_id, number = 0;
    bool is_default = strcmp(call->arguments[1], "default") == 0;
    if (!check_id("the token's identifier", call->arguments[0], &token_id) ||
        (!is_default && !check_number("the rate limit", call->arguments[1], 1, RATE_LIMIT_MAX, &number))) {
        return COMMAND_MISUSED;
    }
    struct db_sync *db = database_open(call);
    if (!db) {
        return COMMAND_FAILED;
    }
    enum command_exit outcome = limit_token(call, db, token_id, is_default ? DB_NULL : DB_INT64(number));
    db_sync_close(db);
    return outcome;
}

/* --- token identify --- */

static enum command_exit
print_identity(const struct command_call *call, const struct db_result *found, enum presented_proof proof)
{
    if (db_rows(found) == 0) {
        output_error("the token does not exist any more");
        return COMMAND_FAILED;
    }
    const char *cells[DATABASE_COUNT(identified_columns)];
    database_cells(found, 0, identified_columns, cells);
    output_set_cell(identified_columns, cells, "secretProven", proof == PRESENTED_PROVEN ? "t" : NULL);
    output_record(stdout, identified_columns, cells, call->json);
    if (proof == PRESENTED_UNPROVABLE) {
        output_error("the hash was erased when the token ended, so only the look-up id was compared");
    }
    return COMMAND_DONE;
}

static enum command_exit
run_identify(const struct command_call *call)
{
    struct db_sync *db = database_open(call);
    struct presented presented;
    if (!db || !presented_find(call, 0, db, &presented)) {
        db_sync_close(db);
        return COMMAND_FAILED;
    }
    const struct db_named values[] = { { "id", DB_INT64(presented.token_id) }, { 0 } };
    struct db_result *found = database_call(db, QUERY_ADMIN_FIND_TOKEN, values, NULL);
    enum command_exit outcome = found ? print_identity(call, found, presented.proof) : COMMAND_FAILED;
    db_result_free(found);
    db_sync_close(db);
    return outcome;
}

const struct command token_commands[] = {
    { .name = "token list",
      .summary = "list tokens",
      .description = "Lists tokens, newest first, by their previews; a token itself cannot be shown.",
      .options = { { "user", "EMAIL", "Only the tokens of this account.", false },
                   { "status", "active|expired|revoked|all",
                     "Only the tokens with this status; active by default.", false },
                   { "limit", "N", "At most N of them, 1 to 100000; 1000 by default.", false } },
      .examples = "testkase-admin token list --user ci-bot@example.com\n"
                  "testkase-admin token list --status all --json",
      .run = run_list },
    { .name = "token create",
      .summary = "make a token for an account",
      .description = "Makes a token and prints it, only this time, as the only line of standard output;\n"
                     "all other text goes to standard error. With --json it is the member \"token\".\n"
                     "Keep it out of files that others can read.",
      .arguments = { { "EMAIL", "E-mail address of the account; letter case does not matter.", false } },
      .options = { { "name", "NAME", "What the token is for, 1 to 100 characters.", true },
                   { "expires-in-days", "7|30|60|90|180|365",
                     "How long it is valid; this cannot be changed later.", true },
                   { "purpose", "TEXT", "What it is for, in up to 200 characters.", false },
                   { "link", "URL", "Where it is used, such as the address of the pipeline.", false },
                   { "idempotency-key", "KEY",
                     "A text of your own, at best random: a command that is run again with the same key\n"
                     "makes no second token, and tells the first one's identifier.",
                     false } },
      .examples =
          "testkase-admin token create ci-bot@example.com --name \"GitHub Actions\" --expires-in-days 90",
      .run = run_create },
    { .name = "token revoke",
      .summary = "revoke a token at once, for good",
      .description = "When this command ends, no server accepts the token any more. A revoked token\n"
                     "cannot be restored. If the token itself is given instead of its identifier,\n"
                     "it is first checked against the stored hash, so that a made-up one revokes\n"
                     "nothing.",
      .arguments = { { "ID|-",
                       "Identifier of the token as `token list` shows it, or - to read the token\n"
                       "itself from standard input. The token may also be the argument, but then other\n"
                       "users of the machine can see it, and the shell's history keeps it.",
                       true } },
      .options = { { "leaked", NULL, "Record that it has leaked; its owner is notified of that.", false },
                   { "with-descendants", NULL,
                     "Revoke also the tokens that were made with it, and those made with them.", false },
                   { "note", "TEXT", "Why, in up to 200 characters; its owner sees it.", false } },
      .examples = "testkase-admin token revoke 42\n"
                  "testkase-admin token revoke - --leaked <found.txt",
      .run = run_revoke },
    { .name = "token set-rate-limit",
      .summary = "give a token a rate limit of its own",
      .description = "Sets how many requests a minute a token may make, from the next request on.",
      .arguments = { { "ID", "Identifier of the token as `token list` shows it.", false },
                     { "N|default",
                       "Requests a minute, 1 to 1000000; default: the one of the organization or the\n"
                       "server says.",
                       false } },
      .examples = "testkase-admin token set-rate-limit 42 3000\n"
                  "testkase-admin token set-rate-limit 42 default",
      .run = run_set_rate_limit },
    { .name = "token identify",
      .summary = "show whose a found token is",
      .description = "Looks up a token that was found somewhere, and checks its secret against the\n"
                     "stored hash. Exit status 1 when it is not a token of this service. The hash of\n"
                     "a revoked token is erased; then only the look-up id is compared, and\n"
                     "\"secretProven\" is null.",
      .arguments = { { "-",
                       "Read the token from standard input. It may also be the argument, but then other\n"
                       "users of the machine can see it, and the shell's history keeps it.",
                       true } },
      .examples = "testkase-admin token identify - <found.txt",
      .run = run_identify },
    { .name = NULL },
};
