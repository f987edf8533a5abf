#include "server/loop.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/service.h"
#include "server/database/batched_read.h"
#include "server/request/request.h"
#include "server/usage.h"
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define STATEMENT_TIMEOUT_MS 3000
#define CALL_DEADLINE_MS     5000
#define PENDING_MAX          2000
#define READS_AHEAD          24
#define CALLERS_MAX          50000
#define DRAIN_MS             9000
#define DRAIN_CHECK_MS       20
#define LATE_MS              500 /* for the request of who was still taken in */
#define METRICS_CONNECTIONS  32
#define OUTAGE_LOG_MS        60000
/* Descriptors that are no client's: of each loop, and of the process. */
#define LOOP_DESCRIPTORS    (GATE_CONNECTIONS + LOOP_HANDLER_CONNECTIONS + 8)
#define PROCESS_DESCRIPTORS 40

/* --- PostgreSQL comes and goes --- */

static void
note_ready(struct loop *loop)
{
    if (++loop->connected > GATE_CONNECTIONS + LOOP_HANDLER_CONNECTIONS) {
        counter_add(&loop->metrics.reconnects, 1);
    }
    if (atomic_fetch_add(&loop->shared->connected, 1) + 1 == loop->shared->connections) {
        atomic_store(&loop->shared->ready, true);
        log_info("ready", log_text("address", loop->shared->address));
        service_ready();
    }
    if (loop->outage_logged_ms) {
        log_info("PostgreSQL answers again", log_number("loop", loop->index));
        loop->outage_logged_ms = 0;
    }
}

/* A schema of another version before the first request is a mistake of whoever starts us; later it is an
 * upgrade under way. */
static void
note_outage(struct loop *loop, const struct db *db)
{
    if (db_schema_refused(db) && !atomic_load(&loop->shared->ready)) {
        if (!atomic_exchange(&loop->shared->failed, true)) {
            log_error("cannot start", log_text("reason", db_failure(db)));
            loop_stop_all(loop->shared);
        }
        return;
    }
    int64_t now = clock_monotonic_ms();
    if (!loop->outage_logged_ms || now - loop->outage_logged_ms >= OUTAGE_LOG_MS) {
        log_warning("PostgreSQL does not answer", log_number("loop", loop->index),
                    log_number("wanted_connections", loop->shared->connections),
                    log_text("reason", db_failure(db)));
        loop->outage_logged_ms = now;
    }
}

static size_t
usable_handlers(const struct loop *loop)
{
    size_t count = 0;
    for (int i = 0; i < LOOP_HANDLER_CONNECTIONS; i++) {
        count += db_usable(loop->handlers[i]);
    }
    return count;
}

static void
note_serving(struct loop *loop)
{
    bool is_serving = gate_usable(loop->gate) && usable_handlers(loop) > 0;
    if (is_serving != loop->is_serving) {
        loop->is_serving = is_serving;
        atomic_fetch_add(&loop->shared->serving, is_serving ? 1 : -1);
    }
}

bool
loop_all_serving(const struct shared *shared)
{
    return atomic_load(&shared->serving) == shared->config->threads;
}

static void
on_database_state(struct db *db, bool usable, void *argument)
{
    note_serving(argument);
    if (usable) {
        note_ready(argument);
    } else {
        note_outage(argument, db);
    }
}

static struct db_options
database_options(struct loop *loop)
{
    return (struct db_options){
        .url = loop->shared->config->database_url,
        .application_name = "testkase-server",
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .call_deadline_ms = CALL_DEADLINE_MS,
        .pending_max = PENDING_MAX,
        .on_state = on_database_state,
        .argument = loop,
    };
}

/* --- which connection --- */

static struct db *
least_busy(const struct loop *loop, int first, int end)
{
    struct db *best = loop->handlers[first];
    for (int i = first + 1; i < end; i++) {
        struct db *other = loop->handlers[i];
        bool better =
            db_usable(other) == db_usable(best) ? db_pending(other) < db_pending(best) : db_usable(other);
        best = better ? other : best;
    }
    return best;
}

/* One of these, or any other rather than one that cannot be used. */
static struct db *
choose(const struct loop *loop, int first, int end)
{
    struct db *preferred = least_busy(loop, first, end);
    return db_usable(preferred) ? preferred : least_busy(loop, 0, LOOP_HANDLER_CONNECTIONS);
}

/* Reads are short: they fill one connection's pipeline before the next, because a PostgreSQL process that
 * finds the next query waiting costs half of one that must be woken for it. What writes may wait for a lock,
 * so it goes where the least is before it. */
struct db *
loop_reader(const struct loop *loop)
{
    for (int i = 0; i < LOOP_READERS; i++) {
        if (db_usable(loop->handlers[i]) && db_pending(loop->handlers[i]) < READS_AHEAD) {
            return loop->handlers[i];
        }
    }
    return choose(loop, 0, LOOP_READERS);
}

struct db *
loop_writer(const struct loop *loop)
{
    return choose(loop, LOOP_READERS, LOOP_HANDLER_CONNECTIONS);
}

/* --- the end --- */

static void
drain(struct loop *loop)
{
    connection_pool_drain(loop->pool);
    if (loop->metrics_pool) {
        connection_pool_drain(loop->metrics_pool);
    }
}

static size_t
open_connections(const struct loop *loop)
{
    return connection_pool_count(loop->pool) +
           (loop->metrics_pool ? connection_pool_count(loop->metrics_pool) : 0);
}

static void
check_drained(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct loop *loop = argument;
    int64_t lasted_ms = clock_monotonic_ms() - loop->stopping_since_ms;
    if (lasted_ms >= LATE_MS) {
        drain(loop);
    }
    bool is_empty = open_connections(loop) == 0;
    if (is_empty) {
        usage_flush(loop->usage);
    }
    if ((is_empty && usage_is_flushed(loop->usage)) || lasted_ms >= DRAIN_MS) {
        event_base_loopbreak(loop->base);
    }
}

static void
begin_stopping(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct loop *loop = argument;
    event_del(loop->stopping);
    loop->stopping_since_ms = clock_monotonic_ms();
    drain(loop);
    listener_close(loop->listener);
    listener_close(loop->metrics_listener);
    loop->listener = loop->metrics_listener = NULL;
    const struct timeval interval = { .tv_usec = DRAIN_CHECK_MS * 1000 };
    event_add(loop->draining, &interval);
}

void
loop_stop_all(const struct shared *shared)
{
    for (long i = 0; i < shared->config->threads; i++) {
        eventfd_write(shared->loops[i].stop_descriptor, 1);
    }
}

/* --- the loop --- */

static void
on_sampling(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct loop *loop = argument;
    counter_set(&loop->metrics.database_connections, usable_handlers(loop) + gate_usable_count(loop->gate));
    counter_set(&loop->metrics.connections, connection_pool_count(loop->pool));
    counter_set(&loop->metrics.requests_open, connection_pool_busy(loop->pool));
    counter_set(&loop->metrics.usage_lag_ms, (uint64_t)usage_lag_ms(loop->usage));
    counter_set(&loop->metrics.usage_lost, usage_lost(loop->usage));
}

static void
listen_for_metrics(struct loop *loop)
{
    struct connection_events events = request_metrics_events;
    events.argument = loop;
    loop->metrics_pool = connection_pool_new(loop->base, &events, METRICS_CONNECTIONS);
    loop->metrics_listener = listener_new(loop->base, loop->shared->metrics_sockets, 0, loop->metrics_pool);
}

static size_t
connection_capacity(const struct shared *shared)
{
    struct rlimit limit = { 1024, 1024 };
    getrlimit(RLIMIT_NOFILE, &limit);
    size_t descriptors = limit.rlim_cur > 1000000 ? 1000000 : (size_t)limit.rlim_cur;
    size_t loops = (size_t)shared->config->threads;
    size_t reserved = PROCESS_DESCRIPTORS + loops * LOOP_DESCRIPTORS;
    size_t usable = descriptors > 2 * reserved ? descriptors - reserved : descriptors / 2;
    return usable / loops;
}

static struct db *
choose_for_batch(void *loop)
{
    return loop_reader(loop);
}

void
loop_init(struct loop *loop, struct shared *shared, int index)
{
    loop->shared = shared;
    loop->index = index;
    loop->base = event_base_new();
    loop->stop_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!loop->base || loop->stop_descriptor < 0) {
        log_out_of_memory();
    }
    loop->writer = json_writer_new();
    secret_random_base62(loop->id_prefix, sizeof(loop->id_prefix) - 1);
    struct connection_events events = request_events;
    events.argument = loop;
    loop->pool = connection_pool_new(loop->base, &events, connection_capacity(shared));
    loop->mailbox = hasher_mailbox_new(shared->hasher, loop->base);
    struct db_options options = database_options(loop);
    loop->gate = gate_new(loop->base, &options, CALLERS_MAX, &loop->metrics);
    for (int i = 0; i < LOOP_HANDLER_CONNECTIONS; i++) {
        loop->handlers[i] = db_new(loop->base, &options);
    }
    loop->member_projects =
        batched_read_new(loop->base, QUERY_PROJECTS_LIST_FOR_MEMBER, choose_for_batch, loop);
    loop->admin_projects =
        batched_read_new(loop->base, QUERY_PROJECTS_LIST_FOR_ADMIN, choose_for_batch, loop);
    loop->usage = usage_new(loop->base, loop->handlers[LOOP_READERS]);
    loop->stopping = event_new(loop->base, loop->stop_descriptor, EV_READ | EV_PERSIST, begin_stopping, loop);
    loop->draining = event_new(loop->base, -1, EV_PERSIST, check_drained, loop);
    event_add(loop->stopping, NULL);
    loop->listener = listener_new(loop->base, shared->sockets, index, loop->pool);
    const struct timeval second = { .tv_sec = 1 };
    loop->sampling = event_new(loop->base, -1, EV_PERSIST, on_sampling, loop);
    event_add(loop->sampling, &second);
    if (index == 0 && shared->metrics_sockets) {
        listen_for_metrics(loop);
    }
}

void
loop_run(struct loop *loop)
{
    event_base_dispatch(loop->base);
}

/* Whatever waits ends through its callback, which may begin the next wait: so argon2 ends before the gate and
 * the queries, and the pools, which the answers go to, come last. */
void
loop_clear(struct loop *loop)
{
    listener_free(loop->listener);
    listener_free(loop->metrics_listener);
    hasher_mailbox_free(loop->mailbox);
    gate_free(loop->gate);
    batched_read_free(loop->member_projects);
    batched_read_free(loop->admin_projects);
    for (int i = 0; i < LOOP_HANDLER_CONNECTIONS; i++) {
        db_free(loop->handlers[i]);
    }
    connection_pool_free(loop->pool);
    connection_pool_free(loop->metrics_pool);
    usage_free(loop->usage);
    event_free(loop->sampling);
    event_free(loop->stopping);
    event_free(loop->draining);
    json_writer_free(loop->writer);
    close(loop->stop_descriptor);
    event_base_free(loop->base);
}
