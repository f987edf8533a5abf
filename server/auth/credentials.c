#include "server/auth/credentials.h"
#include "server/http/slice.h"
#include <string.h>
#include <strings.h>

/* RFC 6750 §2.1; the scheme is case-insensitive (RFC 9110 §11.1). */
static bool
read_bearer(struct http_slice authorization, struct http_slice *ret_token)
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

/* RFC 6265 §4.2.1: pairs separated by semicolons. */
static bool
find_pair(struct http_slice cookies, const char *name, struct http_slice *ret_value)
{
    const size_t length = strlen(name);
    struct http_slice pair;
    while (http_slice_next(&cookies, ';', &pair)) {
        pair = http_slice_trim(pair);
        if (pair.length > length && memcmp(pair.bytes, name, length) == 0 && pair.bytes[length] == '=') {
            *ret_value = http_slice_between(pair.bytes + length + 1, pair.bytes + pair.length);
            return true;
        }
    }
    return false;
}

/* The first of that name counts. Proxies may split the field (RFC 9113 §8.2.3). */
static bool
find_cookie(const struct http_head *head, const char *name, struct http_slice *ret_value)
{
    bool found = find_pair(head->cookie, name, ret_value);
    for (size_t i = 0; !found && i < head->field_count; i++) {
        const struct http_field *field = &head->fields[i];
        found = http_slice_equals_nocase(field->name, "cookie") && find_pair(field->value, name, ret_value);
    }
    return found;
}

enum credentials
credentials_read(const struct http_head *head, bool secure, struct http_slice *ret_secret)
{
    const char *cookie = secure ? CREDENTIALS_COOKIE_SECURE : CREDENTIALS_COOKIE;
    if (head->authorization.bytes && read_bearer(head->authorization, ret_secret)) {
        return CREDENTIALS_BEARER;
    }
    return find_cookie(head, cookie, ret_secret) ? CREDENTIALS_SESSION : CREDENTIALS_NONE;
}
