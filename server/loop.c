#include "server/loop.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/secret.h"
#include "common/service.h"
#include "server/auth/body_room.h"
#include "server/auth/gate.h"
#include "server/auth/hasher.h"
#include "server/auth/lease_client.h"
#include "server/background.h"
#include "server/database/handlers.h"
#include "server/http/listener.h"
#include "server/presence.h"
#include "server/server.h"
#include "server/streams/reader.h"
#include "server/streams/streams.h"
#include "server/succession.h"
#include "server/usage.h"
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define STATEMENT_TIMEOUT_MS 3000
#define CALL_DEADLINE_MS     5000
#define PENDING_MAX          2000
#define CALLERS_MAX          50000
#define DRAIN_MS             9000
#define DRAIN_CHECK_MS       20
#define UNFINISHED_MS        3000 /* for clients that are sending a request at the shutdown */
#define LATE_MS              500  /* grace for a client accepted just before shutdown */
#define PATIENCE_MS          1000 /* for PostgreSQL, before clients are told that it does not answer */
#define PATIENCE_CHECK_MS    10
#define METRICS_CONNECTIONS  32
#define BODIES_MAX           ((size_t)40 << 20) /* bytes: two uploads of results, and others beside them */
#define BODIES_OF_CLIENT_MAX ((size_t)1 << 20)
_Static_assert(LOOP_DATABASE_CONNECTIONS == GATE_CONNECTIONS + HANDLERS_CONNECTIONS,
               "the connections of a loop to PostgreSQL");

/* Descriptors that are not clients': per loop, and for the process. */
#define LOOP_DESCRIPTORS    (LOOP_DATABASE_CONNECTIONS + 8)
#define PROCESS_DESCRIPTORS 40

/* --- accepting --- */

static void
begin_listening(struct loop *loop)
{
    struct server *server = loop->server;
    if (loop->listener || loop->stopping_since_ms) {
        return;
    }
    loop->listener = listener_new(loop->base, server->sockets, loop->index, loop->pool);
    if (loop->metrics_pool && !loop->metrics_listener) {
        loop->metrics_listener = listener_new(loop->base, server->metrics_sockets, 0, loop->metrics_pool);
    }
}

static void
wait_a_little(const struct loop *loop)
{
    event_add(loop->patience, &(struct timeval){ .tv_usec = PATIENCE_CHECK_MS * 1000 });
}

/* Clients that connect before PostgreSQL does, during a restart, wait in the socket, and also until the other
 * servers know of this one and share the rates of tokens with it. With a server that serves them meanwhile,
 * no loop accepts before all of them can answer. */
static void
on_patience(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct loop *loop = argument;
    bool is_served = loop->is_serving && atomic_load(&loop->server->registered);
    int64_t most_ms = loop->is_serving ? PATIENCE_MS + PRESENCE_WAIT_MS : PATIENCE_MS;
    bool is_over = is_served || clock_monotonic_ms() - loop->began_ms >= most_ms;
    if (is_over && !succession_is_awaited(loop->server)) {
        begin_listening(loop);
    } else {
        wait_a_little(loop);
    }
}

/* --- connections to PostgreSQL --- */

static void
note_step_to_ready(struct loop *loop)
{
    struct server *server = loop->server;
    if (atomic_fetch_add(&server->connected, 1) == server->connections) {
        atomic_store(&server->ready, true);
        log_info("ready", log_text("address", listener_sockets_address(server->sockets)));
        service_ready();
        succession_ready(server);
        begin_listening(loop);
    }
}

static void
on_registered(void *argument)
{
    struct loop *loop = argument;
    atomic_store(&loop->server->registered, true);
    note_step_to_ready(loop);
}

static void
note_connected(struct loop *loop)
{
    if (++loop->connected > LOOP_DATABASE_CONNECTIONS) {
        counter_add(&loop->metrics.reconnects, 1);
    }
    note_step_to_ready(loop);
    if (loop->outage_log.has_logged) {
        log_info("PostgreSQL answers again", log_number("loop", loop->index));
        loop->outage_log = (struct retry_log){ 0 };
    }
}

/* Before the program is ready, a wrong schema version is the operator's mistake and ends the program; later
 * it means that an upgrade is under way. */
static void
note_outage(struct loop *loop, const struct db *db)
{
    if (db_schema_refused(db) && !atomic_load(&loop->server->ready)) {
        if (!atomic_exchange(&loop->server->failed, true)) {
            log_error("cannot start", log_text("reason", db_failure(db)));
            loop_stop_all(loop->server);
        }
        return;
    }
    struct retry_log *log = db_history_refused(db) ? &loop->history_log : &loop->outage_log;
    if (retry_log_is_due(log)) {
        log_warning("PostgreSQL does not answer", log_number("loop", loop->index),
                    log_number("wanted_connections", loop->server->connections),
                    log_text("reason", db_failure(db)));
    }
}

static void
note_serving(struct loop *loop)
{
    bool is_serving = gate_usable(loop->gate) && handlers_usable(loop->handlers) > 0;
    if (is_serving != loop->is_serving) {
        loop->is_serving = is_serving;
        atomic_fetch_add(&loop->server->serving, is_serving ? 1 : -1);
    }
}

bool
loop_all_serving(const struct server *server)
{
    return atomic_load(&server->serving) == server->config->threads;
}

static void
on_database_state(struct db *db, bool usable, void *argument)
{
    struct loop *loop = argument;
    note_serving(loop);
    if (!usable) {
        note_outage(loop, db);
        return;
    }
    note_connected(loop);
    if (loop->presence && db == handlers_background(loop->handlers)) {
        presence_beat(loop->presence);
    }
    if (loop->reader && db == handlers_background(loop->handlers)) {
        reader_connected(loop->reader);
    }
}

static struct db_options
database_options(struct loop *loop)
{
    return (struct db_options){
        .url = loop->server->config->database_url,
        .application_name = "testkase-server",
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .call_deadline_ms = CALL_DEADLINE_MS,
        .pending_max = PENDING_MAX,
        .history = &loop->server->history,
        .on_state = on_database_state,
        .argument = loop,
    };
}

/* --- shutdown --- */

static void
drain(struct loop *loop)
{
    streams_close(loop->streams);
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

/* What other loops lease from now on is lost to the other servers until its window ends. */
static void
leave(struct loop *loop)
{
    if (loop->presence && !loop->is_leaving) {
        loop->is_leaving = true;
        lease_client_give_all_back(loop->leases);
        presence_leave(loop->presence);
    }
}

static bool
has_left(const struct loop *loop)
{
    return !loop->presence || (presence_has_left(loop->presence) && lease_client_is_idle(loop->leases));
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
    if (lasted_ms >= UNFINISHED_MS) {
        connection_pool_refuse_unfinished(loop->pool);
    }
    bool is_empty = open_connections(loop) == 0;
    if (is_empty) {
        usage_flush(loop->usage);
        leave(loop);
    }
    if ((is_empty && usage_is_flushed(loop->usage) && has_left(loop)) || lasted_ms >= DRAIN_MS) {
        event_base_loopbreak(loop->base);
    }
}

static void
begin_stopping(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct loop *loop = argument;
    if (!atomic_load(&loop->server->stopping)) {
        return;
    }
    event_del(loop->stopping);
    if (!succession_is_awaited(loop->server)) {
        begin_listening(loop); /* clients may wait already: a reset would cut them off */
    }
    loop->stopping_since_ms = clock_monotonic_ms();
    drain(loop);
    listener_close(loop->listener);
    listener_close(loop->metrics_listener);
    loop->listener = loop->metrics_listener = NULL;
    const struct timeval interval = { .tv_usec = DRAIN_CHECK_MS * 1000 };
    event_add(loop->draining, &interval);
}

void
loop_stop_all(struct server *server)
{
    atomic_store(&server->stopping, true);
    for (long i = 0; i < server->config->threads; i++) {
        eventfd_write(server->loops[i].stop_descriptor, 1);
    }
}

/* --- the loop --- */

static void
on_sampling(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct loop *loop = argument;
    counter_set(&loop->metrics.database_connections,
                handlers_usable(loop->handlers) + gate_usable_count(loop->gate));
    counter_set(&loop->metrics.connections, connection_pool_count(loop->pool));
    counter_set(&loop->metrics.connections_evicted, connection_pool_evicted(loop->pool));
    counter_set(&loop->metrics.requests_open, connection_pool_busy(loop->pool));
    counter_set(&loop->metrics.usage_lag_ms, (uint64_t)usage_lag_ms(loop->usage));
    counter_set(&loop->metrics.usage_lost, usage_lost(loop->usage));
    if (loop->index == 0) {
        lease_client_second_over(loop->leases);
        memory_watch_tick(&loop->memory);
    }
}

static void
listen_for_metrics(struct loop *loop)
{
    struct connection_events events = *loop->server->metrics_events;
    events.argument = loop;
    loop->metrics_pool = connection_pool_new(loop->base, &events, METRICS_CONNECTIONS);
    if (!succession_is_awaited(loop->server)) {
        loop->metrics_listener =
            listener_new(loop->base, loop->server->metrics_sockets, 0, loop->metrics_pool);
    }
}

static size_t
connection_capacity(const struct server *server)
{
    struct rlimit limit = { 1024, 1024 };
    getrlimit(RLIMIT_NOFILE, &limit);
    size_t descriptors = limit.rlim_cur > 1000000 ? 1000000 : (size_t)limit.rlim_cur;
    size_t loops = (size_t)server->config->threads;
    size_t reserved = PROCESS_DESCRIPTORS + loops * LOOP_DESCRIPTORS;
    size_t usable = descriptors > 2 * reserved ? descriptors - reserved : descriptors / 2;
    return usable / loops;
}

void
loop_init(struct loop *loop, struct server *server, int index)
{
    loop->server = server;
    loop->index = index;
    loop->base = event_base_new();
    loop->stop_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!loop->base || loop->stop_descriptor < 0) {
        log_fatal("cannot make an event loop", errno);
    }
    loop->writer = json_writer_new();
    secret_random_base62(loop->id_prefix, sizeof(loop->id_prefix) - 1);
    struct connection_events events = *server->events;
    events.argument = loop;
    loop->pool = connection_pool_new(loop->base, &events, connection_capacity(server));
    loop->bodies = body_room_new(BODIES_MAX, BODIES_OF_CLIENT_MAX);
    loop->mailbox = hasher_mailbox_new(server->hasher, loop->base);
    loop->background = background_mailbox_new(server->background, loop->base);
    struct db_options options = database_options(loop);
    loop->gate = gate_new(loop->base, &options, CALLERS_MAX, &loop->metrics);
    loop->handlers = handlers_new(loop->base, &options);
    loop->usage = usage_new(loop->base, handlers_background(loop->handlers));
    loop->leases = lease_client_new(loop->base, loop->handlers, server->rate_limits, &loop->metrics);
    if (index == 0) {
        const struct presence_options presence = { .base = loop->base,
                                                   .db = handlers_background(loop->handlers),
                                                   .limits = server->rate_limits,
                                                   .leases = loop->leases,
                                                   .on_registered = on_registered,
                                                   .argument = loop };
        loop->presence = presence_new(&presence);
    }
    const struct streams_options streams = { .base = loop->base,
                                             .handlers = loop->handlers,
                                             .hub = server->hub,
                                             .metrics = &loop->metrics,
                                             .most = connection_capacity(server) / 4 * 3 };
    loop->streams = streams_new(&streams);
    if (index == 0) {
        loop->reader = reader_new(loop->base, handlers_background(loop->handlers), server->hub);
    }
    loop->stopping = event_new(loop->base, loop->stop_descriptor, EV_READ | EV_PERSIST, begin_stopping, loop);
    loop->draining = event_new(loop->base, -1, EV_PERSIST, check_drained, loop);
    event_add(loop->stopping, NULL);
    const struct timeval second = { .tv_sec = 1 };
    loop->began_ms = clock_monotonic_ms();
    loop->patience = evtimer_new(loop->base, on_patience, loop);
    wait_a_little(loop);
    loop->sampling = event_new(loop->base, -1, EV_PERSIST, on_sampling, loop);
    event_add(loop->sampling, &second);
    if (index == 0 && server->metrics_sockets) {
        listen_for_metrics(loop);
    }
}

void
loop_run(struct loop *loop)
{
    event_base_dispatch(loop->base);
}

/* Freeing a queue ends everything in it through its callback, and a callback may queue the next piece of
 * work. So the hasher goes before the gate and the handlers, and the pools, which take the answers, last. */
void
loop_clear(struct loop *loop)
{
    listener_free(loop->listener);
    listener_free(loop->metrics_listener);
    hasher_mailbox_free(loop->mailbox);
    background_mailbox_free(loop->background);
    lease_client_close(loop->leases);
    gate_free(loop->gate);
    handlers_free(loop->handlers);
    lease_client_free(loop->leases);
    presence_free(loop->presence);
    connection_pool_free(loop->pool);
    connection_pool_free(loop->metrics_pool);
    streams_free(loop->streams);
    reader_free(loop->reader);
    body_room_free(loop->bodies);
    usage_free(loop->usage);
    event_free(loop->sampling);
    event_free(loop->stopping);
    event_free(loop->draining);
    event_free(loop->patience);
    json_writer_free(loop->writer);
    close(loop->stop_descriptor);
    event_base_free(loop->base);
}
