#include "common/config_links.h"
#include "common/log.h"
#include <regex.h>
#include <stddef.h>

/* As the documentation of Kubernetes (services, environment variables) and of Docker (legacy container links)
 * has them. Where the name alone might be a mistake of an operator, the value decides, too. */
static const struct {
    const char *name;
    const char *value; /* NULL: any */
} patterns[] = {
    { "_SERVICE_HOST$", NULL },
    { "_SERVICE_PORT(_[A-Z0-9_]+)?$", NULL },
    { "_PORT$", "^(tcp|udp|sctp)://" },
    { "_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|ADDR|PORT|START|END|PORT_START|PORT_END))?$", NULL },
    { "_NAME$", "^/" },
    { "_ENV_", NULL },
};

static bool
matches(const char *pattern, const char *text)
{
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        log_out_of_memory(); /* the patterns themselves are valid */
    }
    bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

bool
config_links_made(const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        if (matches(patterns[i].name, name) && (!patterns[i].value || matches(patterns[i].value, value))) {
            return true;
        }
    }
    return false;
}
