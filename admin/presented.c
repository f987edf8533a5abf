#include "admin/presented.h"
#include "admin/database.h"
#include "admin/input.h"
#include "common/secret.h"
#include "common/token.h"
#include <string.h>

/* Copying a token from a page or a log often takes white space along. */
static void
trim(struct input_secret *secret)
{
    static const char white[] = " \t\r\n";
    size_t start = strspn(secret->bytes, white);
    secret->length -= start;
    memmove(secret->bytes, secret->bytes + start, secret->length);
    while (secret->length > 0 && strchr(white, secret->bytes[secret->length - 1])) {
        secret->length--;
    }
    secret->bytes[secret->length] = '\0';
}

static bool
copy_argument(const char *text, struct input_secret *ret_secret)
{
    size_t length = strlen(text);
    if (length > INPUT_SECRET_MAX) {
        output_error("this is not a token: it is too long");
        return false;
    }
    memcpy(ret_secret->bytes, text, length + 1);
    ret_secret->length = length;
    return true;
}

static bool
read_token(const char *argument, struct input_secret *ret_secret)
{
    const char *error;
    if (strcmp(argument, "-") != 0) {
        return copy_argument(argument, ret_secret);
    }
    if (input_secret("Token: ", NULL, ret_secret, &error) < 0) {
        output_error("no token was read: %s", error);
        return false;
    }
    return true;
}

static bool
judge(const struct db_result *row, const struct input_secret *token, struct presented *ret_found)
{
    if (db_rows(row) == 0) {
        output_error("this service has never made a token with this look-up id");
        return false;
    }
    int64_t id = database_int64(row, 0, "id");
    const char *hash = database_text(row, 0, "secret_hash");
    if (hash && secret_verify(hash, token->bytes, token->length) != SECRET_MATCH) {
        output_error("the look-up id belongs to token %lld, but the secret does not: this service never made "
                     "this token",
                     (long long)id);
        return false;
    }
    ret_found->token_id = id;
    ret_found->proof = hash ? PRESENTED_PROVEN : PRESENTED_UNPROVABLE;
    return true;
}

static bool
find(struct db_sync *db, const struct input_secret *token, struct presented *ret_found)
{
    char lookup[TOKEN_LOOKUP_LENGTH + 1];
    if (!token_parse(token->bytes, token->length, lookup)) {
        output_error("this is not a token: it does not begin with " TOKEN_PREFIX
                     ", or its checksum is wrong");
        return false;
    }
    const struct db_named values[] = { { "lookup", DB_TEXT(lookup) }, { 0 } };
    struct db_result *row = database_call(db, QUERY_GATE_FIND_HASH, values, NULL);
    bool found = row && judge(row, token, ret_found);
    db_result_free(row);
    return found;
}

bool
presented_find(const struct command_call *call, int position, struct db_sync *db, struct presented *ret_found)
{
    struct input_secret token = { .length = 0 };
    bool found = false;
    if (read_token(call->arguments[position], &token)) {
        trim(&token);
        found = find(db, &token, ret_found);
    }
    input_wipe(&token);
    return found;
}
