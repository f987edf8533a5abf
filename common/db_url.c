#include "common/db_url.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <string.h>

static bool
ports_are_numbers(const PQconninfoOption *options)
{
    for (; options->keyword; options++) {
        if (strcmp(options->keyword, "port") == 0 && options->val &&
            options->val[strspn(options->val, "0123456789,")] != '\0') {
            return false;
        }
    }
    return true;
}

/* Whether a part that is looked up or shown in errors holds the rest of a password. */
static bool
parts_hold_at(const PQconninfoOption *options)
{
    static const char *const parts[] = { "host", "hostaddr", "port", NULL };
    for (; options->keyword; options++) {
        for (size_t i = 0; parts[i]; i++) {
            if (strcmp(options->keyword, parts[i]) == 0 && options->val && strchr(options->val, '@')) {
                return true;
            }
        }
    }
    return false;
}

/* Whether a URI has an @ or # where only an unescaped one of a password can stand. libpq ends the password at
 * the first @, and user information at the first slash; what is left of the password would become the host or
 * the database. */
static bool
has_unescaped(const char *url)
{
    const char *authority = strstr(url, "://");
    bool is_uri = strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
    if (!is_uri || !authority) {
        return false;
    }
    const char *at = strchr(authority, '@');
    const char *query = strchr(authority, '?');
    const char *slash = strchr(authority + 3, '/');
    bool at_is_late = at && slash && slash < at && !(query && query < at);
    bool at_is_repeated = at && strchr(at + 1, '@') && !(query && strchr(at + 1, '@') > query && query > at);
    return at_is_late || at_is_repeated || strchr(authority, '#');
}

const char *
db_url_refusal(const char *url)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &message);
    bool sound = options && ports_are_numbers(options) && !parts_hold_at(options) && !has_unescaped(url);
    PQfreemem(message);
    PQconninfoFree(options);
    return sound
               ? NULL
               : "the connection string cannot be read: it is \"key=value …\" or "
                 "\"postgresql://user:password@host:port/database\", with special characters percent-encoded";
}
