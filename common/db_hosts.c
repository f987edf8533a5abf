#include "common/db_hosts.h"
#include "common/memory.h"
#include "common/secret.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
option_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options && options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0 && options->val && *options->val) {
            return options->val;
        }
    }
    return NULL;
}

/* A password is among them. */
static void
free_options(PQconninfoOption *options)
{
    for (PQconninfoOption *option = options; option && option->keyword; option++) {
        if (option->val) {
            secret_wipe(option->val, strlen(option->val));
        }
    }
    PQconninfoFree(options);
}

static size_t
count_of(const char *list)
{
    size_t count = list != NULL;
    for (; list && *list; list++) {
        count += *list == ',';
    }
    return count;
}

/* The element of that number and what follows it; "" when the list has fewer. */
static const char *
element(const char *list, size_t number)
{
    for (; number > 0; number--) {
        const char *comma = strchr(list, ',');
        if (!comma) {
            return "";
        }
        list = comma + 1;
    }
    return list;
}

static bool
is_element(const char *list, size_t number, const char *value)
{
    size_t length = strlen(value);
    const char *found = list ? element(list, count_of(list) > 1 ? number : 0) : value;
    return strncmp(found, value, length) == 0 && (found[length] == ',' || found[length] == '\0');
}

/* The number of the element that the connection is at; 0 when that is not known. */
static size_t
current(const PGconn *connection, const char *hosts, const char *ports, size_t count)
{
    for (size_t number = 0; number < count; number++) {
        if (is_element(hosts, number, PQhost(connection)) && is_element(ports, number, PQport(connection))) {
            return number;
        }
    }
    return 0;
}

/* A copy of the list that begins with the element of that number; NULL when the list is not one of several.
 */
static char *
begin_with(const char *list, size_t number)
{
    if (count_of(list) < 2) {
        return NULL;
    }
    size_t size = strlen(list) + 2; /* one comma more than there is, for the moment */
    char *rotated = memory_new(size, 1);
    const char *first = element(list, number);
    size_t before = strlen(list) - strlen(first);
    snprintf(rotated, size, "%s,%.*s", first, (int)before, list);
    rotated[strlen(list)] = '\0';
    return rotated;
}

void
db_hosts_pass_over(struct db_hosts *hosts, struct pg_conn *connection)
{
    PQconninfoOption *options = PQconninfo(connection);
    const char *host = option_of(options, "host"), *hostaddr = option_of(options, "hostaddr");
    const char *names = host ? host : hostaddr, *ports = option_of(options, "port");
    size_t count = count_of(names);
    if (count > 1) {
        size_t next = (current(connection, names, ports, count) + 1) % count;
        struct db_hosts rotated = { begin_with(host, next), begin_with(hostaddr, next),
                                    begin_with(ports, next) };
        db_hosts_clear(hosts);
        *hosts = rotated;
    }
    free_options(options);
}

void
db_hosts_clear(struct db_hosts *hosts)
{
    free(hosts->host);
    free(hosts->hostaddr);
    free(hosts->port);
    *hosts = (struct db_hosts){ NULL, NULL, NULL };
}
