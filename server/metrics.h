/* Counters for Prometheus. Each loop has its own set and is its only writer. Any thread may read any counter
 * at any time; two counters read together need not be consistent. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "server/http/status.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_BUCKETS  14
#define METRICS_ROUTES   128
#define METRICS_STATUSES HTTP_STATUS_COUNT

struct counter {
    _Atomic uint64_t value;
};

/* Only the owning thread calls it. */
static inline void
counter_add(struct counter *counter, uint64_t number)
{
    uint64_t value = atomic_load_explicit(&counter->value, memory_order_relaxed);
    atomic_store_explicit(&counter->value, value + number, memory_order_relaxed);
}

static inline void
counter_set(struct counter *counter, uint64_t value)
{
    atomic_store_explicit(&counter->value, value, memory_order_relaxed);
}

static inline uint64_t
counter_read(const struct counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

/* The last bucket has no bound. */
struct histogram {
    struct counter buckets[METRICS_BUCKETS + 1];
    struct counter sum;
};

/* Upper bounds of the buckets: latencies in microseconds, and sizes. */
extern const uint64_t metrics_latency_bounds[METRICS_BUCKETS];
extern const uint64_t metrics_size_bounds[METRICS_BUCKETS];

void histogram_add(struct histogram *histogram, const uint64_t bounds[METRICS_BUCKETS], uint64_t value);

/* Why a sign-in failed; metrics_sign_in_failures has the name of each. */
enum sign_in_failure {
    SIGN_IN_WRONG_PASSWORD,
    SIGN_IN_UNKNOWN_ACCOUNT, /* no account that can sign in has that address */
    SIGN_IN_MALFORMED,       /* no account can have that address or password */
    SIGN_IN_THROTTLED,       /* refused unchecked, after too many failures */
    SIGN_IN_FAILURE_COUNT
};

extern const char *const metrics_sign_in_failures[SIGN_IN_FAILURE_COUNT];

/* The metrics of one loop. */
struct metrics {
    struct counter requests[METRICS_ROUTES][METRICS_STATUSES]; /* by http_status_index() */
    struct histogram latency[METRICS_ROUTES];
    struct counter rate_limited;
    struct counter guesses_refused; /* tokens not checked: their address had sent too many wrong ones */
    struct counter sign_ins_failed[SIGN_IN_FAILURE_COUNT];
    struct counter verified_hits, verified_misses;
    struct counter lease_statements, leases_taken, leases_returned, lease_waits, lease_failures;
    struct counter gate_questions, gate_refills, gate_failures, gate_catch_ups, gate_resets;
    struct histogram gate_round_size, gate_round_us;
    struct counter stream_events;
    struct counter reconnects, usage_lost, connections_evicted;
    /* Current values, set about once a second. */
    struct counter connections, requests_open, database_connections, usage_lag_ms;
    struct counter streams; /* set whenever it changes */
};

#endif
