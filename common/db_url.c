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

const char *
db_url_refusal(const char *url)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &message);
    bool sound = options && ports_are_numbers(options);
    PQfreemem(message);
    PQconninfoFree(options);
    return sound
               ? NULL
               : "the connection string cannot be read: it is \"key=value …\" or "
                 "\"postgresql://user:password@host:port/database\", with special characters percent-encoded";
}
