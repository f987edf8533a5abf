#include "server/auth/caller.h"
#include "common/memory.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Texts of a row, which come to lie behind the caller in one piece of memory. */
struct texts {
    size_t count;
    struct {
        int column;
        size_t offset; /* of the char * in struct caller */
    } items[9];
};

#define TEXT(column, member)                                                                                 \
    {                                                                                                        \
        column, offsetof(struct caller, member)                                                              \
    }

/* Both queries give the account in the same seven columns. */
#define ACCOUNT_TEXTS(first)                                                                                 \
    TEXT((first) + 1, email), TEXT((first) + 2, name), TEXT((first) + 3, kind), TEXT((first) + 4, org_role), \
        TEXT((first) + 6, organization_name)

static struct caller *
new_caller(const struct db_result *result, int row, const struct texts *texts)
{
    size_t size = sizeof(struct caller), length;
    for (size_t i = 0; i < texts->count; i++) {
        db_bytes(result, row, texts->items[i].column, &length);
        size += length + 1;
    }
    struct caller *caller = memory_new(1, size);
    char *at = (char *)(caller + 1);
    for (size_t i = 0; i < texts->count; i++) {
        const void *bytes = db_bytes(result, row, texts->items[i].column, &length);
        *(char **)(void *)((char *)caller + texts->items[i].offset) = at;
        memcpy(at, bytes, length);
        at += length + 1;
    }
    caller->references = 1;
    return caller;
}

static void
fill_account(struct caller *caller, const struct db_result *result, int row, int first)
{
    caller->user_id = db_int64(result, row, first);
    caller->organization_id = db_int64(result, row, first + 5);
    caller->is_admin = strcmp(caller->org_role, "owner") == 0 || strcmp(caller->org_role, "admin") == 0;
}

struct caller *
caller_of_token(const struct db_result *result, int row, int first)
{
    const struct texts texts = { 9,
                                 { TEXT(first + 3, token_expires_at), TEXT(first + 4, token_name),
                                   TEXT(first + 5, token_preview), TEXT(first + 6, token_created_at),
                                   ACCOUNT_TEXTS(first + 9) } };
    struct caller *caller = new_caller(result, row, &texts);
    caller->token_id = db_int64(result, row, first);
    caller->has_ended = db_bool(result, row, first + 1);
    caller->expires_us = db_int64(result, row, first + 2);
    caller->token_days = db_int64(result, row, first + 7);
    caller->rate_limit = db_int64(result, row, first + 8);
    fill_account(caller, result, row, first + 9);
    return caller;
}

struct caller *
caller_of_session(const struct db_result *result, int row)
{
    const struct texts texts = { 5, { ACCOUNT_TEXTS(1) } };
    struct caller *caller = new_caller(result, row, &texts);
    caller->session_id = db_int64(result, row, 0);
    fill_account(caller, result, row, 1);
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
