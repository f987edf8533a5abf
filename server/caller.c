#include "server/caller.h"
#include "common/memory.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *
copy_column(const struct db_result *result, int row, int column)
{
    return memory_duplicate(db_text(result, row, column));
}

/* Both queries give the account in the same seven columns. */
static void
fill_account(struct caller *caller, const struct db_result *result, int row, int first)
{
    caller->user_id = db_int64(result, row, first);
    caller->email = copy_column(result, row, first + 1);
    caller->name = copy_column(result, row, first + 2);
    caller->kind = copy_column(result, row, first + 3);
    caller->org_role = copy_column(result, row, first + 4);
    caller->organization_id = db_int64(result, row, first + 5);
    caller->organization_name = copy_column(result, row, first + 6);
    caller->is_admin = strcmp(caller->org_role, "owner") == 0 || strcmp(caller->org_role, "admin") == 0;
}

struct caller *
caller_of_token(const struct db_result *result, int row)
{
    struct caller *caller = memory_new(1, sizeof(*caller));
    caller->references = 1;
    caller->token_id = db_int64(result, row, 0);
    int64_t life = db_int64(result, row, 1);
    caller->life = life == 0 ? CALLER_ALIVE : life == 1 ? CALLER_EXPIRED : CALLER_ENDED;
    caller->token_expires_at = copy_column(result, row, 3);
    caller->token_name = copy_column(result, row, 4);
    caller->token_preview = copy_column(result, row, 5);
    caller->token_created_at = copy_column(result, row, 6);
    caller->rate_limit = db_int64(result, row, 7);
    fill_account(caller, result, row, 8);
    caller->token_days = db_int64(result, row, 15);
    return caller;
}

struct caller *
caller_of_session(const struct db_result *result, int row)
{
    struct caller *caller = memory_new(1, sizeof(*caller));
    caller->references = 1;
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
    if (!caller || --caller->references > 0) {
        return;
    }
    char *texts[] = { caller->email,
                      caller->name,
                      caller->kind,
                      caller->org_role,
                      caller->organization_name,
                      caller->token_name,
                      caller->token_preview,
                      caller->token_created_at,
                      caller->token_expires_at };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free(texts[i]);
    }
    free(caller);
}

/* RFC 6750 §2.1; the scheme is case-insensitive (RFC 9110 §11.1). */
static bool
is_bearer(struct http_slice authorization, struct http_slice *ret_token)
{
    const size_t scheme = sizeof("Bearer") - 1;
    if (authorization.length < scheme || strncasecmp(authorization.bytes, "Bearer", scheme) != 0 ||
        (authorization.length > scheme && authorization.bytes[scheme] != ' ')) {
        return false;
    }
    struct http_slice token = { authorization.bytes + scheme, authorization.length - scheme };
    while (token.length > 0 && *token.bytes == ' ') {
        token.bytes++;
        token.length--;
    }
    *ret_token = token;
    return true;
}

/* RFC 6265 §5.4: pairs parted by "; ". The first of that name counts. */
static bool
find_cookie(struct http_slice cookies, const char *name, struct http_slice *ret_value)
{
    const size_t name_length = strlen(name);
    const char *at = cookies.bytes, *end = cookies.bytes + cookies.length;
    while (at < end) {
        const char *semicolon = memchr(at, ';', (size_t)(end - at));
        const char *stop = semicolon ? semicolon : end;
        while (at < stop && *at == ' ') {
            at++;
        }
        if ((size_t)(stop - at) > name_length && memcmp(at, name, name_length) == 0 &&
            at[name_length] == '=') {
            ret_value->bytes = at + name_length + 1;
            ret_value->length = (size_t)(stop - ret_value->bytes);
            return true;
        }
        at = stop + 1;
    }
    return false;
}

enum credentials
caller_credentials(const struct http_head *head, bool secure, struct http_slice *ret_secret)
{
    if (head->authorization.bytes && is_bearer(head->authorization, ret_secret)) {
        return CREDENTIALS_BEARER;
    }
    if (head->cookie.bytes &&
        find_cookie(head->cookie, secure ? CALLER_COOKIE_SECURE : CALLER_COOKIE, ret_secret)) {
        return CREDENTIALS_SESSION;
    }
    return CREDENTIALS_NONE;
}
