#include "server/database/handlers.h"
#include "common/memory.h"
#include "server/database/batched_read.h"
#include <stdlib.h>

#define READS_AHEAD 24
#define COMMON      (HANDLERS_READERS + HANDLERS_WRITERS)

/* The readers come first, the one for uploads last. */
struct handlers {
    struct event_base *base;
    struct db *connections[HANDLERS_CONNECTIONS];
    struct batched_read *batches[QUERY_COUNT]; /* NULL: not asked for yet */
};

struct handlers *
handlers_new(struct event_base *base, const struct db_options *options)
{
    struct handlers *handlers = memory_new(1, sizeof(*handlers));
    handlers->base = base;
    struct db_options for_uploads = *options;
    for_uploads.statement_timeout_ms = HANDLERS_UPLOAD_TIMEOUT_MS;
    for_uploads.call_deadline_ms = HANDLERS_UPLOAD_DEADLINE_MS;
    for (int i = 0; i < HANDLERS_CONNECTIONS; i++) {
        handlers->connections[i] = db_new(base, i < COMMON ? options : &for_uploads);
    }
    return handlers;
}

void
handlers_free(struct handlers *handlers)
{
    if (!handlers) {
        return;
    }
    for (int i = 0; i < QUERY_COUNT; i++) {
        batched_read_free(handlers->batches[i]);
    }
    for (int i = 0; i < HANDLERS_CONNECTIONS; i++) {
        db_free(handlers->connections[i]);
    }
    free(handlers);
}

size_t
handlers_usable(const struct handlers *handlers)
{
    size_t count = 0;
    for (int i = 0; i < COMMON; i++) {
        count += db_usable(handlers->connections[i]);
    }
    return count;
}

/* --- which connection --- */

static bool
is_better(const struct db *one, const struct db *other)
{
    return db_usable(one) == db_usable(other) ? db_pending(one) < db_pending(other) : db_usable(one);
}

struct db *
handlers_least_busy(struct db *const *connections, int count)
{
    struct db *best = connections[0];
    for (int i = 1; i < count; i++) {
        best = is_better(connections[i], best) ? connections[i] : best;
    }
    return best;
}

/* One of these, or any other rather than one that cannot be used. */
static struct db *
choose_among(const struct handlers *handlers, int first, int count)
{
    struct db *preferred = handlers_least_busy(handlers->connections + first, count);
    return db_usable(preferred) ? preferred : handlers_least_busy(handlers->connections, COMMON);
}

/* Reads are short: they fill one connection's pipeline before the next, because a PostgreSQL process that
 * finds the next query waiting costs half of one that must be woken for it. */
static struct db *
choose_reader(const struct handlers *handlers)
{
    for (int i = 0; i < HANDLERS_READERS; i++) {
        struct db *db = handlers->connections[i];
        if (db_usable(db) && db_pending(db) < READS_AHEAD) {
            return db;
        }
    }
    return choose_among(handlers, 0, HANDLERS_READERS);
}

/* A statement that writes may wait for a lock, so it goes where the fewest wait before it. */
struct db *
handlers_choose(const struct handlers *handlers, enum query query)
{
    if (query_texts[query].is_upload) {
        return handlers->connections[COMMON];
    }
    return query_texts[query].writes ? choose_among(handlers, HANDLERS_READERS, HANDLERS_WRITERS)
                                     : choose_reader(handlers);
}

struct db *
handlers_background(const struct handlers *handlers)
{
    return handlers->connections[HANDLERS_READERS];
}

static struct db *
choose_for_batch(void *handlers)
{
    return choose_reader(handlers);
}

struct batched_read *
handlers_batched(struct handlers *handlers, enum query query)
{
    if (!handlers->batches[query]) {
        handlers->batches[query] = batched_read_new(handlers->base, query, choose_for_batch, handlers);
    }
    return handlers->batches[query];
}
