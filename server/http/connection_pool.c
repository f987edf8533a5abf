#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "server/http/connection_private.h"
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#define INPUT_CAPACITY 4096
#define CACHED_MAX     256

static void
on_sweep(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    connection_pool_sweep(argument);
}

/* Advances only the connections that are ready now; one that defers again waits until the loop has looked at
 * the sockets. */
static void
on_deferred(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct connection_pool *pool = argument;
    struct connection *connection;
    pool->in_deferred = true;
    for (size_t left = pool->ready_count; left && (connection = TAILQ_FIRST(&pool->ready)); left--) {
        connection_pool_forget(connection);
        connection_advance(connection);
    }
    pool->in_deferred = false;
}

struct connection_pool *
connection_pool_new(struct event_base *base, const struct connection_events *events, size_t capacity)
{
    struct connection_pool *pool = memory_new(1, sizeof(*pool));
    pool->base = base;
    pool->events = *events;
    pool->capacity = capacity;
    TAILQ_INIT(&pool->idle);
    TAILQ_INIT(&pool->lingering);
    TAILQ_INIT(&pool->overdue);
    TAILQ_INIT(&pool->ready);
    STAILQ_INIT(&pool->cache);
    for (size_t i = 0; i < CONNECTION_POOL_SLOTS; i++) {
        TAILQ_INIT(&pool->slots[i]);
    }
    pool->swept_s = clock_monotonic_ms() / 1000;
    pool->busy_answer = connection_reply_write_busy();
    pool->sweep = event_new(base, -1, EV_PERSIST, on_sweep, pool);
    pool->deferred = event_new(base, -1, 0, on_deferred, pool);
    if (!pool->sweep || !pool->deferred || event_add(pool->sweep, &(struct timeval){ 1, 0 }) < 0) {
        log_fatal("cannot make the timer of the connections", errno);
    }
    return pool;
}

static size_t
close_some(struct connection_list *list, size_t count)
{
    size_t closed = 0;
    struct connection *connection;
    while (closed < count && (connection = TAILQ_FIRST(list))) {
        connection_free(connection);
        closed++;
    }
    return closed;
}

void
connection_pool_free(struct connection_pool *pool)
{
    if (!pool) {
        return;
    }
    close_some(&pool->idle, SIZE_MAX);
    close_some(&pool->lingering, SIZE_MAX);
    close_some(&pool->overdue, SIZE_MAX);
    for (size_t i = 0; i < CONNECTION_POOL_SLOTS; i++) {
        close_some(&pool->slots[i], SIZE_MAX);
    }
    struct connection_input *input;
    while ((input = STAILQ_FIRST(&pool->cache))) {
        STAILQ_REMOVE_HEAD(&pool->cache, entry);
        free(input);
    }
    event_free(pool->sweep);
    event_free(pool->deferred);
    free(pool->busy_answer);
    free(pool);
}

void
connection_pool_drain(struct connection_pool *pool)
{
    bool spares_fresh = !pool->draining;
    pool->draining = true;
    struct connection *connection = TAILQ_FIRST(&pool->idle);
    while (connection) {
        struct connection *next = TAILQ_NEXT(connection, entry);
        if (!connection_io_has_arrived(connection) && !(spares_fresh && connection->is_fresh)) {
            connection_free(connection);
        }
        connection = next;
    }
}

size_t
connection_pool_count(const struct connection_pool *pool)
{
    return pool->count;
}

size_t
connection_pool_busy(const struct connection_pool *pool)
{
    return pool->busy;
}

size_t
connection_pool_reap(struct connection_pool *pool, size_t count)
{
    size_t closed = pool->draining ? 0 : close_some(&pool->idle, count);
    return closed + close_some(&pool->lingering, count - closed);
}

/* --- deadlines --- */

/* A deadline that has passed already goes to the slot of the current or the next sweep. */
static struct connection_list *
slot_for(struct connection *connection)
{
    struct connection_pool *pool = connection->pool;
    int64_t second = connection->deadline_ms / 1000;
    return &pool->slots[(second > pool->swept_s ? second : pool->swept_s) % CONNECTION_POOL_SLOTS];
}

static struct connection_list *
list_for(struct connection *connection)
{
    struct connection_pool *pool = connection->pool;
    if (connection->state == CONNECTION_IDLE) {
        return &pool->idle;
    }
    if (connection->state == CONNECTION_LINGERING) {
        return &pool->lingering;
    }
    if (connection->state == CONNECTION_HANDLING && connection->exchange.overdue) {
        return &pool->overdue;
    }
    return slot_for(connection);
}

void
connection_pool_file(struct connection *connection)
{
    connection->list = list_for(connection);
    TAILQ_INSERT_TAIL(connection->list, connection, entry);
}

void
connection_pool_unfile(struct connection *connection)
{
    if (connection->list) {
        TAILQ_REMOVE(connection->list, connection, entry);
        connection->list = NULL;
    }
}

/* The first of a list that is ordered by deadline. */
static struct connection *
first_expired(struct connection_list *list, int64_t now_ms)
{
    struct connection *connection = TAILQ_FIRST(list);
    return connection && connection->deadline_ms <= now_ms ? connection : NULL;
}

static void
expire_ordered(struct connection_list *list, int64_t now_ms)
{
    struct connection *connection;
    while ((connection = first_expired(list, now_ms))) {
        connection_expire(connection);
    }
}

/* A slot has no order, and a callback may change it; so the connections that are due move out first. */
static void
expire_slot(struct connection_list *slot, int64_t now_ms)
{
    struct connection_list due = TAILQ_HEAD_INITIALIZER(due);
    struct connection *connection = TAILQ_FIRST(slot);
    while (connection) {
        struct connection *next = TAILQ_NEXT(connection, entry);
        if (connection->deadline_ms <= now_ms) {
            TAILQ_REMOVE(slot, connection, entry);
            TAILQ_INSERT_TAIL(&due, connection, entry);
            connection->list = &due;
        }
        connection = next;
    }
    while ((connection = TAILQ_FIRST(&due))) {
        connection_expire(connection);
    }
}

void
connection_pool_sweep(struct connection_pool *pool)
{
    int64_t now_ms = clock_monotonic_ms();
    int64_t now_s = now_ms / 1000;
    int64_t first_s =
        now_s - pool->swept_s < CONNECTION_POOL_SLOTS ? pool->swept_s : now_s - CONNECTION_POOL_SLOTS + 1;
    /* The next sweep visits the current second again, because not all of its deadlines have passed. */
    pool->swept_s = now_s;
    for (int64_t second = first_s; second <= now_s; second++) {
        expire_slot(&pool->slots[second % CONNECTION_POOL_SLOTS], now_ms);
    }
    expire_ordered(&pool->idle, now_ms);
    expire_ordered(&pool->lingering, now_ms);
}

/* --- deferred work --- */

void
connection_pool_defer(struct connection *connection)
{
    struct connection_pool *pool = connection->pool;
    if (connection->is_ready) {
        return;
    }
    bool scheduled = pool->ready_count++ > 0;
    connection->is_ready = true;
    TAILQ_INSERT_TAIL(&pool->ready, connection, ready_entry);
    if (pool->in_deferred) {
        /* By a timer: an event that activates itself would keep the loop from looking at the sockets. */
        event_add(pool->deferred, &(struct timeval){ 0, 0 });
    } else if (!scheduled) {
        event_active(pool->deferred, EV_TIMEOUT, 0);
    }
}

void
connection_pool_forget(struct connection *connection)
{
    if (connection->is_ready) {
        TAILQ_REMOVE(&connection->pool->ready, connection, ready_entry);
        connection->is_ready = false;
        connection->pool->ready_count--;
    }
}

/* --- reusable memory --- */

struct connection_input *
connection_pool_take_input(struct connection_pool *pool)
{
    struct connection_input *input = STAILQ_FIRST(&pool->cache);
    if (input) {
        STAILQ_REMOVE_HEAD(&pool->cache, entry);
        pool->cached--;
    } else {
        input = memory_new(1, sizeof(*input) + INPUT_CAPACITY);
        input->capacity = INPUT_CAPACITY;
    }
    input->used = input->filled = input->scanned = input->head_length = 0;
    return input;
}

void
connection_pool_give_input(struct connection_pool *pool, struct connection_input *input)
{
    if (input->capacity != INPUT_CAPACITY || pool->cached == CACHED_MAX) {
        free(input);
        return;
    }
    STAILQ_INSERT_HEAD(&pool->cache, input, entry);
    pool->cached++;
}
