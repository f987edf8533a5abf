/* The worker's connection to PostgreSQL: made, lost, made again. */
#ifndef WORKER_LINK_H
#define WORKER_LINK_H

#include "common/db_sync.h"
#include <stdint.h>

struct link;

enum link_outcome {
    LINK_UP,
    LINK_DOWN,       /* try again after link_delay_ms() */
    LINK_IMPOSSIBLE, /* trying again does not help: the schema is not the one that this build knows. Logged.
                      */
};

/* Does not connect yet. `url` is copied. */
struct link *link_new(const char *url);
/* Closes; NULL is fine. */
void link_free(struct link *link);

/* Connects, checks the schema's version, listens. Failures are logged, the first and then one a minute. A
 * signal to stop ends the process in here. */
enum link_outcome link_open(struct link *link);

/* The connection has proven good: the next failure is a first one again. */
void link_settled(struct link *link);

/* How long to wait before the next link_open(), after a failure or a loss. */
int64_t link_delay_ms(const struct link *link);

/* The open connection; only between LINK_UP and link_close(). */
struct db_sync *link_db(const struct link *link);

/* Closes; a connection that was lost counts as a failure, and is logged like one. */
void link_close(struct link *link);

#endif
