#include "server/auth/caller.h"
#include "common/memory.h"
#include <stdlib.h>
#include <string.h>

/* How many columns describe the token, the session and the account. */
#define TOKEN_COLUMNS   9
#define SESSION_COLUMNS 1
#define ACCOUNT_COLUMNS 7

/* The texts of a row, on their way into the memory behind the caller. */
struct texts {
    const struct db_result *result;
    int row;
    char *at;
};

/* The caller and its texts are one allocation. Its size counts the columns that are numbers, too: some 50
 * bytes that are not needed, but no second list of the columns that are texts. */
static struct caller *
new_caller(const struct db_result *result, int row, int first, int columns, struct texts *ret_texts)
{
    size_t size = sizeof(struct caller);
    for (int i = 0; i < columns; i++) {
        size_t length;
        db_bytes(result, row, first + i, &length);
        size += length + 1;
    }
    struct caller *caller = memory_new(1, size);
    caller->references = 1;
    *ret_texts = (struct texts){ result, row, (char *)(caller + 1) };
    return caller;
}

static char *
keep_text(struct texts *texts, int column)
{
    size_t length;
    const void *bytes = db_bytes(texts->result, texts->row, column, &length);
    char *text = texts->at;
    memcpy(text, bytes, length); /* the NUL is there: the memory was zeroed */
    texts->at += length + 1;
    return text;
}

static void
fill_account(struct caller *caller, struct texts *texts, int first)
{
    caller->user_id = db_int64(texts->result, texts->row, first);
    caller->email = keep_text(texts, first + 1);
    caller->name = keep_text(texts, first + 2);
    caller->kind = keep_text(texts, first + 3);
    caller->org_role = keep_text(texts, first + 4);
    caller->organization_id = db_int64(texts->result, texts->row, first + 5);
    caller->organization_name = keep_text(texts, first + 6);
    caller->is_admin = strcmp(caller->org_role, "owner") == 0 || strcmp(caller->org_role, "admin") == 0;
}

struct caller *
caller_of_token(const struct db_result *result, int row, int first)
{
    struct texts texts;
    struct caller *caller = new_caller(result, row, first, TOKEN_COLUMNS + ACCOUNT_COLUMNS, &texts);
    caller->token_id = db_int64(result, row, first);
    caller->has_ended = db_bool(result, row, first + 1);
    caller->expires_us = db_int64(result, row, first + 2);
    caller->token_expires_at = keep_text(&texts, first + 3);
    caller->token_name = keep_text(&texts, first + 4);
    caller->token_preview = keep_text(&texts, first + 5);
    caller->token_created_at = keep_text(&texts, first + 6);
    caller->token_days = db_int64(result, row, first + 7);
    caller->rate_limit = db_int64(result, row, first + 8);
    fill_account(caller, &texts, first + TOKEN_COLUMNS);
    return caller;
}

struct caller *
caller_of_session(const struct db_result *result, int row)
{
    struct texts texts;
    struct caller *caller = new_caller(result, row, 0, SESSION_COLUMNS + ACCOUNT_COLUMNS, &texts);
    caller->session_id = db_int64(result, row, 0);
    fill_account(caller, &texts, SESSION_COLUMNS);
    return caller;
}

struct caller *
caller_keep(struct caller *caller)
{
    caller->references++;
    return caller;
}

void
caller_free(struct caller *caller)
{
    if (caller && --caller->references == 0) {
        free(caller);
    }
}
