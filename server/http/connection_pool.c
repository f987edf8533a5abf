#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "server/http/client_address.h"
#include "server/http/connection_private.h"
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define EVICTED_MAX    16 /* at a time */
#define EVICTED_SHARE  64 /* one for so many unfinished connections of an address */
#define INPUT_CAPACITY 4096
#define CACHED_MAX     256
#define CACHED_MIN     16 /* so many stay in any case */

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
    TAILQ_INIT(&pool->streaming);
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
    close_some(&pool->streaming, SIZE_MAX);
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

static void
move_to(struct connection *connection, struct connection_list *list)
{
    TAILQ_REMOVE(connection->list, connection, entry);
    TAILQ_INSERT_TAIL(list, connection, entry);
    connection->list = list;
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

/* The connections move out first, because giving up files each anew, perhaps into the same slot. */
void
connection_pool_refuse_unfinished(struct connection_pool *pool)
{
    struct connection_list refused = TAILQ_HEAD_INITIALIZER(refused);
    struct connection *connection;
    for (size_t i = 0; i < CONNECTION_POOL_SLOTS; i++) {
        connection = TAILQ_FIRST(&pool->slots[i]);
        while (connection) {
            struct connection *next = TAILQ_NEXT(connection, entry);
            if (connection->state == CONNECTION_HEAD || connection->state == CONNECTION_BODY) {
                move_to(connection, &refused);
            }
            connection = next;
        }
    }
    while ((connection = TAILQ_FIRST(&refused))) {
        connection_give_up(connection, "The service is stopping; try again.");
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

/* --- making room --- */

struct candidates {
    struct unfinished_address {
        struct client_address address;
        size_t count;
        UT_hash_handle hh;
    } * addresses, *busiest;
    struct connection *oldest[EVICTED_MAX]; /* of the busiest address, by the time of their state */
    size_t count, wanted;
};

/* An IPv6 address without the half that its owner chooses. */
static void
address_of(const struct connection *connection, struct client_address *ret_address)
{
    memset(ret_address, 0, sizeof(*ret_address));
    client_address_of_peer(&connection->peer.any, ret_address);
    if (connection->peer.any.sa_family == AF_INET6) {
        memset(ret_address->bytes + 8, 0, sizeof(ret_address->bytes) - 8);
    }
}

static void
count_address(struct candidates *candidates, struct connection *connection)
{
    struct client_address address;
    struct unfinished_address *found;
    address_of(connection, &address);
    HASH_FIND(hh, candidates->addresses, &address, sizeof(address), found);
    if (!found) {
        found = memory_new(1, sizeof(*found));
        found->address = address;
        HASH_ADD(hh, candidates->addresses, address, sizeof(found->address), found);
    }
    found->count++;
    if (!candidates->busiest || found->count > candidates->busiest->count) {
        candidates->busiest = found;
    }
}

/* Keeps the oldest of the busiest address, in order. */
static void
consider(struct candidates *candidates, struct connection *connection)
{
    struct client_address address;
    address_of(connection, &address);
    if (memcmp(&address, &candidates->busiest->address, sizeof(address)) != 0) {
        return;
    }
    size_t at = candidates->count;
    while (at > 0 && candidates->oldest[at - 1]->since_ms > connection->since_ms) {
        at--;
    }
    if (at < candidates->wanted) {
        size_t last = candidates->count < candidates->wanted ? candidates->count : candidates->wanted - 1;
        for (size_t i = last; i > at; i--) {
            candidates->oldest[i] = candidates->oldest[i - 1];
        }
        candidates->oldest[at] = connection;
        candidates->count = last + 1;
    }
}

static void
for_each_unfinished(struct connection_pool *pool, struct candidates *candidates,
                    void (*function)(struct candidates *candidates, struct connection *connection))
{
    for (size_t i = 0; i < CONNECTION_POOL_SLOTS; i++) {
        struct connection *connection = TAILQ_FIRST(&pool->slots[i]);
        for (; connection; connection = TAILQ_NEXT(connection, entry)) {
            if (connection_is_unfinished(connection)) {
                function(candidates, connection);
            }
        }
    }
}

static void
log_eviction(struct connection_pool *pool, const struct unfinished_address *busiest)
{
    if (retry_log_is_due(&pool->eviction_log)) {
        char address[CLIENT_ADDRESS_SIZE];
        client_address_text(&busiest->address, address);
        log_warning("unfinished connections make room for others; slow clients, or an attack",
                    log_text("address", address), log_number("unfinished", (int64_t)busiest->count),
                    log_number("open", (int64_t)pool->count));
    }
}

static void
evict(struct connection *connection)
{
    struct connection_pool *pool = connection->pool;
    size_t before = pool->count;
    connection_give_up(connection, "Too many connections are open; send the whole request at once.");
    if (pool->count == before) {
        connection_free(connection); /* without waiting until the client has taken the answer */
    }
    pool->evicted++;
}

static void
free_addresses(struct candidates *candidates)
{
    struct unfinished_address *address = candidates->addresses;
    HASH_CLEAR(hh, candidates->addresses);
    for (struct unfinished_address *next; address; address = next) {
        next = address->hh.next;
        free(address);
    }
}

/* Looking for the busiest address takes time in proportion to the connections. So where they are many, more
 * than one goes each time. */
static size_t
evict_unfinished(struct connection_pool *pool, size_t count)
{
    struct candidates candidates = { 0 };
    for_each_unfinished(pool, &candidates, count_address);
    if (candidates.busiest) {
        size_t share = 1 + candidates.busiest->count / EVICTED_SHARE;
        candidates.wanted = count > share ? count : share;
        candidates.wanted = candidates.wanted < EVICTED_MAX ? candidates.wanted : EVICTED_MAX;
        for_each_unfinished(pool, &candidates, consider);
        log_eviction(pool, candidates.busiest);
    }
    free_addresses(&candidates);
    for (size_t i = 0; i < candidates.count; i++) {
        evict(candidates.oldest[i]);
    }
    return candidates.count;
}

size_t
connection_pool_reap(struct connection_pool *pool, size_t count)
{
    size_t closed = pool->draining ? 0 : close_some(&pool->idle, count);
    closed += close_some(&pool->lingering, count - closed);
    return closed || pool->draining ? closed : evict_unfinished(pool, count);
}

uint64_t
connection_pool_evicted(const struct connection_pool *pool)
{
    return pool->evicted;
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
    if (connection->state == CONNECTION_STREAMING && !connection->socket.output) {
        return &pool->streaming;
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
            move_to(connection, &due);
        }
        connection = next;
    }
    while ((connection = TAILQ_FIRST(&due))) {
        connection_expire(connection);
    }
}

/* Frees half of the inputs that nobody uses: after a burst, they are gone within seconds. */
static void
shrink_cache(struct connection_pool *pool)
{
    size_t kept = pool->cached / 2 > CACHED_MIN ? pool->cached / 2 : CACHED_MIN;
    while (pool->cached > kept) {
        struct connection_input *input = STAILQ_FIRST(&pool->cache);
        STAILQ_REMOVE_HEAD(&pool->cache, entry);
        pool->cached--;
        free(input);
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
    shrink_cache(pool);
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
