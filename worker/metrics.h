/* The worker's counts for Prometheus, and a small HTTP server (libevent's) that exposes them at an address of
 * the operator's choice: /metrics. Its /readyz answers 200 while the worker works, and otherwise 503. The
 * server has a thread of its own; the worker's thread writes the counts. Clients cannot take the descriptors
 * that the worker itself needs: over a limit, they wait. */
#ifndef WORKER_METRICS_H
#define WORKER_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_JOBS     24
#define METRICS_CARRIERS 2
#define METRICS_FIGURES  15

/* A gauge that sql/queries/worker/figures.sql computes: `column` names its column there. */
struct metrics_figure {
    const char *column;
    const char *name;   /* without its prefix; those of one name stand together */
    const char *labels; /* as Prometheus reads them, or "" */
    const char *help;   /* of the first of that name */
};

extern const struct metrics_figure metrics_figures[METRICS_FIGURES];

struct metrics {
    struct {
        const char *name; /* a constant; set before the thread starts */
        atomic_uint_fast64_t runs, rows, failures;
    } jobs[METRICS_JOBS];
    struct metrics_delivery {
        const char *name; /* of the carrier, a constant */
        atomic_uint_fast64_t sent, failed, refused;
    } deliveries[METRICS_CARRIERS];
    atomic_uint_fast64_t connections; /* made to PostgreSQL */
    atomic_bool connected;
    atomic_bool working;                            /* connected, and every job has run on this connection */
    atomic_int_fast64_t alive_ms;                   /* the loop's latest turn, by clock_monotonic_ms() */
    atomic_int_fast64_t notification_queue_percent; /* how full PostgreSQL's queue is, at the last look */
    atomic_int_fast64_t figures[METRICS_FIGURES];   /* in the order of metrics_figures */
    atomic_int_fast64_t figures_at;                 /* when they were computed, in Unix time; 0: never */
};

struct metrics_server;

/* Listens on `address` (host:port or [v6]:port) and starts the thread. Returns NULL, and one line in
 * `ret_error`, when that is impossible. */
struct metrics_server *metrics_server_new(const char *address, const struct metrics *metrics, char *ret_error,
                                          size_t error_size);
/* NULL is fine. */
void metrics_server_free(struct metrics_server *server);

#endif
