/* The worker's connection to PostgreSQL, and its reconnecting. */
#ifndef WORKER_LINK_H
#define WORKER_LINK_H

#include "common/db_sync.h"
#include <stdint.h>

struct link;

enum link_outcome {
    LINK_UP,
    LINK_DOWN,       /* try again after link_delay_ms() */
    LINK_IMPOSSIBLE, /* do not try again: the schema is not the one that this build knows, or a pooler shares
                        sessions; logged */
};

/* Does not connect yet. `url` is copied. */
struct link *link_new(const char *url);
/* Closes; NULL is fine. */
void link_free(struct link *link);

/* Connects, checks that this is not the old primary of a failover, and the schema's version, listens. Logs
 * failures, once a minute at most. A signal to stop ends the process while it connects. */
enum link_outcome link_open(struct link *link);

/* The connection works: the next failure is the first of a new row. */
void link_settled(struct link *link);

/* How long to wait before the next link_open(), after a failure or a loss. */
int64_t link_delay_ms(const struct link *link);

/* The open connection; only between LINK_UP and link_close(). */
struct db_sync *link_db(const struct link *link);

/* Closes it; a lost connection counts as a failure, and is logged like one. */
void link_close(struct link *link);

#endif
