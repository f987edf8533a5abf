/* What tokens are used for, written behind: summed in memory per token, address, client, call and status. A
 * sum is added to PostgreSQL about a second after its first call; many of them in parts, spread over the
 * second. Nothing waits for it and nothing is decided by it. When PostgreSQL is away, it is kept and tried
 * again, up to a bound; what is beyond, and a batch with a value that PostgreSQL will never take, is counted
 * as lost. A batch whose outcome is unknown is sent again, so a call may be counted twice then, never
 * silently dropped.
 *
 * One loop's own. */
#ifndef SERVER_USAGE_H
#define SERVER_USAGE_H

#include "common/db.h"
#include "server/http/client_address.h"
#include "server/http/head.h"

struct usage;

/* `db` outlives it. */
struct usage *usage_new(struct event_base *base, struct db *db);
/* What was not written is lost: flush first. NULL is fine. After the db it was given. */
void usage_free(struct usage *usage);

/* One call, as it is counted. */
struct usage_call {
    int64_t token_id;
    const struct client_address *address; /* NULL: counted apart from no other call of that token, route and
                                             status by its client */
    struct http_slice user_agent;
    enum http_method method;
    const char *route; /* the pattern, which lives as long as the program */
    int status;
    int64_t ended_us; /* by the monotonic clock */
};

void usage_add(struct usage *usage, const struct usage_call *call);

/* Writes now what there is, at most 4 000 sums, unless a write is under way. */
void usage_flush(struct usage *usage);

/* Nothing is left to write. */
bool usage_is_flushed(const struct usage *usage);

/* For metrics: how long the oldest call has waited to be written; calls that were lost. */
int64_t usage_lag_ms(const struct usage *usage);
uint64_t usage_lost(const struct usage *usage);

#endif
