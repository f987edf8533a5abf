#include "worker/metrics.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/retry.h"
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define HEADERS_MAX     8192
#define TIMEOUT_SECONDS 5

/* The loop turns at least at every beat of the heart, each 15 s. */
#define HANGS_AFTER_MS 60000

/* Clients may take the descriptors up to this number, and leave these. The worker needs some for PostgreSQL.
 */
#define DESCRIPTOR_MAX       128
#define DESCRIPTORS_RESERVED 16
#define PAUSE_US             100000

#define EXPIRING_HELP "Active tokens that expire within so many days."
#define DUE_HELP      "Active tokens that are due for rotation and have no live successor."
#define BACKLOG_HELP  "By how much the oldest work of a job is late."

/* clang-format off */
const struct metrics_figure metrics_figures[METRICS_FIGURES] = {
    { "active", "tokens_active", "", "Tokens that a server would accept." },
    { "expiring_7", "tokens_expiring", "{within_days=\"7\"}", EXPIRING_HELP },
    { "expiring_14", "tokens_expiring", "{within_days=\"14\"}", EXPIRING_HELP },
    { "expiring_30", "tokens_expiring", "{within_days=\"30\"}", EXPIRING_HELP },
    { "due", "tokens_without_successor", "{rotation=\"due\"}", DUE_HELP },
    { "overdue", "tokens_without_successor", "{rotation=\"overdue\"}", DUE_HELP },
    { "never_used", "tokens_never_used", "", "Active tokens made 7 days ago or earlier and never used." },
    { "leavers", "tokens_of_leavers", "", "Valid tokens of accounts that are not active; must be 0." },
    { "expired_calls", "expired_token_calls", "",
      "Calls of this hour and the one before that were refused because their token had expired." },
    { "late_leavers_tokens", "job_lag_seconds", "{job=\"leavers_tokens\"}", BACKLOG_HELP },
    { "late_expire", "job_lag_seconds", "{job=\"expire\"}", BACKLOG_HELP },
    { "late_remind", "job_lag_seconds", "{job=\"remind\"}", BACKLOG_HELP },
    { "late_erase_hashes", "job_lag_seconds", "{job=\"erase_hashes\"}", BACKLOG_HELP },
    { "late_expired_sessions", "job_lag_seconds", "{job=\"expired_sessions\"}", BACKLOG_HELP },
    { "late_sum_up_usage", "job_lag_seconds", "{job=\"sum_up_usage\"}", BACKLOG_HELP },
};
/* clang-format on */

struct metrics_server {
    const struct metrics *metrics;
    struct event_base *base;
    struct evhttp *http;
    struct evconnlistener *listener;
    struct event *resume; /* accepting */
    struct retry_log pause_log;
    int descriptor_limit; /* of clients */
    struct event *stopping;
    int stop_descriptor;
    pthread_t thread;
};

static void
write_head(struct evbuffer *out, const char *name, const char *type, const char *help)
{
    evbuffer_add_printf(out, "# HELP testkase_worker_%s %s\n# TYPE testkase_worker_%s %s\n", name, help, name,
                        type);
}

static void
write_jobs(struct evbuffer *out, const struct metrics *metrics, const char *name, const char *help,
           size_t offset)
{
    write_head(out, name, "counter", help);
    for (size_t i = 0; i < METRICS_JOBS && metrics->jobs[i].name; i++) {
        const char *job = (const char *)&metrics->jobs[i];
        uint64_t value = atomic_load_explicit((const atomic_uint_fast64_t *)(const void *)(job + offset),
                                              memory_order_relaxed);
        evbuffer_add_printf(out, "testkase_worker_%s{job=\"%s\"} %llu\n", name, metrics->jobs[i].name,
                            (unsigned long long)value);
    }
}

static void
write_deliveries(struct evbuffer *out, const struct metrics *metrics)
{
    write_head(out, "deliveries_total", "counter", "Attempts to deliver, by kind and what came of them.");
    for (size_t i = 0; i < METRICS_CARRIERS && metrics->deliveries[i].name; i++) {
        const struct metrics_delivery *counts = &metrics->deliveries[i];
        const struct {
            const char *outcome;
            uint64_t count;
        } rows[] = {
            { "sent", atomic_load(&counts->sent) },
            { "failed", atomic_load(&counts->failed) },
            { "refused", atomic_load(&counts->refused) },
        };
        for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
            evbuffer_add_printf(out, "testkase_worker_deliveries_total{kind=\"%s\",outcome=\"%s\"} %llu\n",
                                counts->name, rows[row].outcome, (unsigned long long)rows[row].count);
        }
    }
}

static void
write_figures(struct evbuffer *out, const struct metrics *metrics)
{
    int64_t computed_at = atomic_load(&metrics->figures_at);
    if (computed_at == 0) {
        return;
    }
    for (size_t i = 0; i < METRICS_FIGURES; i++) {
        const struct metrics_figure *figure = &metrics_figures[i];
        if (i == 0 || strcmp(figure->name, metrics_figures[i - 1].name) != 0) {
            write_head(out, figure->name, "gauge", figure->help);
        }
        evbuffer_add_printf(out, "testkase_worker_%s%s %lld\n", figure->name, figure->labels,
                            (long long)atomic_load_explicit(&metrics->figures[i], memory_order_relaxed));
    }
    write_head(out, "figures_timestamp_seconds", "gauge", "When the numbers of tokens were computed.");
    evbuffer_add_printf(out, "testkase_worker_figures_timestamp_seconds %lld\n", (long long)computed_at);
}

static void
write_all(struct evbuffer *out, const struct metrics *metrics)
{
    write_jobs(out, metrics, "job_runs_total", "Batches run, by job.",
               offsetof(struct metrics, jobs[0].runs));
    write_jobs(out, metrics, "job_rows_total", "Rows changed, by job.",
               offsetof(struct metrics, jobs[0].rows));
    write_jobs(out, metrics, "job_failures_total", "Batches that PostgreSQL refused, by job.",
               offsetof(struct metrics, jobs[0].failures));
    write_deliveries(out, metrics);
    write_head(out, "database_connections_total", "counter", "Connections made to PostgreSQL.");
    evbuffer_add_printf(out, "testkase_worker_database_connections_total %llu\n",
                        (unsigned long long)atomic_load(&metrics->connections));
    write_head(out, "database_connected", "gauge", "Whether there is a connection to PostgreSQL.");
    evbuffer_add_printf(out, "testkase_worker_database_connected %d\n", atomic_load(&metrics->connected));
    write_head(out, "notification_queue_usage_ratio", "gauge",
               "How full PostgreSQL's queue of notifications is; from 0.5 on, none are sent.");
    evbuffer_add_printf(out, "testkase_worker_notification_queue_usage_ratio %.2f\n",
                        (double)atomic_load(&metrics->notification_queue_percent) / 100);
    write_figures(out, metrics);
    write_head(out, "build_info", "gauge", "Always 1; the version is its label.");
    evbuffer_add_printf(out, "testkase_worker_build_info{version=\"%s\"} 1\n", TESTKASE_VERSION);
}

static void
on_metrics(struct evhttp_request *request, void *argument)
{
    const struct metrics_server *server = argument;
    struct evbuffer *out = evbuffer_new();
    if (!out) {
        log_out_of_memory();
    }
    write_all(out, server->metrics);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                      "text/plain; version=0.0.4; charset=utf-8");
    evhttp_send_reply(request, 200, "OK", out);
    evbuffer_free(out);
}

static void
on_ready(struct evhttp_request *request, void *argument)
{
    const struct metrics_server *server = argument;
    const struct metrics *metrics = server->metrics;
    bool turns = clock_monotonic_ms() - atomic_load(&metrics->alive_ms) < HANGS_AFTER_MS;
    if (turns && atomic_load(&metrics->working)) {
        evhttp_send_reply(request, 200, "OK", NULL);
    } else {
        evhttp_send_reply(request, 503, "Service Unavailable", NULL);
    }
}

static void
on_stopping(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(argument);
}

static void *
run_thread(void *argument)
{
    const struct metrics_server *server = argument;
    event_base_dispatch(server->base);
    return NULL;
}

/* --- the limit --- */

/* The number of a new descriptor is the lowest that is free. */
static bool
has_room(const struct metrics_server *server)
{
    int lowest_free = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (lowest_free >= 0) {
        close(lowest_free);
    }
    return lowest_free >= 0 && lowest_free < server->descriptor_limit;
}

static void
on_resume(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct metrics_server *server = argument;
    if (has_room(server)) {
        evconnlistener_enable(server->listener);
    } else {
        event_add(server->resume, &(struct timeval){ 0, PAUSE_US });
    }
}

/* The clients wait in the backlog; those that say nothing are closed after TIMEOUT_SECONDS. */
static void
pause_accepting(struct metrics_server *server)
{
    if (retry_log_is_due(&server->pause_log)) {
        log_warning("too many clients at the address of the metrics");
    }
    evconnlistener_disable(server->listener);
    event_add(server->resume, &(struct timeval){ 0, PAUSE_US });
}

/* Called for each client. Returns NULL, so that evhttp makes its usual buffer. */
static struct bufferevent *
on_client(struct event_base *base, void *argument)
{
    (void)base;
    struct metrics_server *server = argument;
    if (!has_room(server)) {
        pause_accepting(server);
    }
    return NULL;
}

static int
descriptor_limit(void)
{
    struct rlimit limit = { .rlim_cur = DESCRIPTOR_MAX };
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= DESCRIPTOR_MAX + DESCRIPTORS_RESERVED) {
        return DESCRIPTOR_MAX;
    }
    return (int)limit.rlim_cur - DESCRIPTORS_RESERVED;
}

static int
listen_on(struct metrics_server *server, const char *address)
{
    const char *colon = strrchr(address, ':');
    if (!colon || strncmp(address, "unix:", 5) == 0) {
        return -1;
    }
    bool bracketed = *address == '[' && colon > address && colon[-1] == ']';
    char *host = memory_copy_text(address + bracketed, (size_t)(colon - address) - 2 * (size_t)bracketed);
    long port = strtol(colon + 1, NULL, 10);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(server->http, host, (ev_uint16_t)port);
    free(host);
    server->listener = bound ? evhttp_bound_socket_get_listener(bound) : NULL;
    return bound ? 0 : -1;
}

static void
free_parts(struct metrics_server *server)
{
    evhttp_free(server->http);
    event_free(server->stopping);
    event_free(server->resume);
    event_base_free(server->base);
    close(server->stop_descriptor);
    free(server);
}

struct metrics_server *
metrics_server_new(const char *address, const struct metrics *metrics, char *ret_error, size_t error_size)
{
    struct metrics_server *server = memory_new(1, sizeof(*server));
    server->metrics = metrics;
    server->base = event_base_new();
    server->http = evhttp_new(server->base);
    server->stop_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!server->base || !server->http || server->stop_descriptor < 0) {
        log_fatal("cannot make the event loop of the metrics", errno);
    }
    server->stopping = event_new(server->base, server->stop_descriptor, EV_READ, on_stopping, server->base);
    server->resume = event_new(server->base, -1, 0, on_resume, server);
    if (!server->stopping || !server->resume || event_add(server->stopping, NULL) < 0) {
        log_fatal("cannot watch for the end of the metrics", errno);
    }
    server->descriptor_limit = descriptor_limit();
    evhttp_set_bevcb(server->http, on_client, server);
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(server->http, HEADERS_MAX);
    evhttp_set_max_body_size(server->http, 0);
    evhttp_set_timeout(server->http, TIMEOUT_SECONDS);
    evhttp_set_cb(server->http, "/metrics", on_metrics, server);
    evhttp_set_cb(server->http, "/readyz", on_ready, server);
    if (listen_on(server, address) < 0 || pthread_create(&server->thread, NULL, run_thread, server) != 0) {
        snprintf(ret_error, error_size, "cannot serve metrics on %s", address);
        free_parts(server);
        return NULL;
    }
    return server;
}

void
metrics_server_free(struct metrics_server *server)
{
    if (!server) {
        return;
    }
    eventfd_write(server->stop_descriptor, 1);
    pthread_join(server->thread, NULL);
    free_parts(server);
}
