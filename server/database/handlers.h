/* The PostgreSQL connections of one loop for everything but the gate: some for statements that only read,
 * others for what writes and may wait for locks, and one for uploads, which take seconds and would hold up
 * the rest. */
#ifndef SERVER_DATABASE_HANDLERS_H
#define SERVER_DATABASE_HANDLERS_H

#include "common/db.h"

#define HANDLERS_READERS     2
#define HANDLERS_WRITERS     2
#define HANDLERS_UPLOADERS   1
#define HANDLERS_CONNECTIONS (HANDLERS_READERS + HANDLERS_WRITERS + HANDLERS_UPLOADERS)

/* In place of the options' time-outs. */
#define HANDLERS_UPLOAD_TIMEOUT_MS  20000
#define HANDLERS_UPLOAD_DEADLINE_MS 25000

struct batched_read;
struct handlers;

/* Starts to connect. Never NULL. */
struct handlers *handlers_new(struct event_base *base, const struct db_options *options);
/* Ends what is pending through its callbacks; NULL is fine. */
void handlers_free(struct handlers *handlers);

/* The best connection for this statement now, by what it does. It belongs to `handlers`. */
struct db *handlers_choose(const struct handlers *handlers, enum query query);

/* One that writes, always the same, for work that no request waits for. */
struct db *handlers_background(const struct handlers *handlers);

/* The batches of `query`, made when they are first asked for; they belong to `handlers`. */
struct batched_read *handlers_batched(struct handlers *handlers, enum query query);

/* How many of the connections can be used, but for that for uploads. */
size_t handlers_usable(const struct handlers *handlers);

/* Of `count` (at least 1) connections, the one with the fewest calls pending; a usable one if there is any.
 */
struct db *handlers_least_busy(struct db *const *connections, int count);

#endif
