/* The usage of tokens, written behind. Calls are counted in memory, in one entry per token, address, client
 * (product and version), method, route and status. PostgreSQL tells 100 pairs of address and client of a
 * token apart in each hour; calls of others share entries there (sql/queries/usage/add.sql). An entry is
 * added to PostgreSQL about a second after its first call; a large number of entries is written in parts,
 * spread over the second. No request waits for a write and no decision depends on it. While PostgreSQL is
 * down, entries are kept up to a bound and written later. Calls beyond the bound are counted as lost, and so
 * is a batch with a value that PostgreSQL will never accept. A batch whose outcome is unknown is sent again:
 * its calls may be counted twice, but are never dropped silently.
 *
 * Belongs to one loop. */
#ifndef SERVER_USAGE_H
#define SERVER_USAGE_H

#include "common/db.h"
#include "server/http/client_address.h"
#include "server/http/head.h"

struct usage;

/* Writes through `db`, whose pending calls refer to the usage: free the db first. */
struct usage *usage_new(struct event_base *base, struct db *db);
/* Entries not yet written are lost, so flush first. NULL is fine. */
void usage_free(struct usage *usage);

/* One call to count. */
struct usage_call {
    int64_t token_id;
    const struct client_address *address; /* NULL: the entry ignores address and client, so such calls of one
                                             token, route and status share it */
    struct http_slice user_agent;
    enum http_method method;
    const char *route; /* the pattern; it lives as long as the program */
    int status;
    bool is_after_end; /* refused because the token, whose secret was proven, has expired or was revoked */
    int64_t ended_us;  /* by the monotonic clock */
};

void usage_add(struct usage *usage, const struct usage_call *call);

/* Writes up to 4 000 entries now, unless a write is under way. */
void usage_flush(struct usage *usage);

/* Whether nothing is left to write. */
bool usage_is_flushed(const struct usage *usage);

/* For metrics: how long the oldest unwritten call has waited; the number of lost calls. */
int64_t usage_lag_ms(const struct usage *usage);
uint64_t usage_lost(const struct usage *usage);

#endif
