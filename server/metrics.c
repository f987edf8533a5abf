#include "server/metrics.h"

const uint64_t metrics_latency_bounds[METRICS_BUCKETS] = { 100,    250,    500,     1000,   2500,
                                                           5000,   10000,  25000,   50000,  100000,
                                                           250000, 500000, 1000000, 5000000 };
const uint64_t metrics_size_bounds[METRICS_BUCKETS] = { 1,   2,   4,   8,    16,   32,   64,
                                                        128, 256, 512, 1024, 2048, 4096, 8192 };

const char *const metrics_sign_in_failures[SIGN_IN_FAILURE_COUNT] = {
    [SIGN_IN_WRONG_PASSWORD] = "wrong_password",
    [SIGN_IN_UNKNOWN_ACCOUNT] = "unknown_account",
    [SIGN_IN_MALFORMED] = "malformed",
    [SIGN_IN_THROTTLED] = "throttled",
};

void
histogram_add(struct histogram *histogram, const uint64_t bounds[METRICS_BUCKETS], uint64_t value)
{
    size_t i = 0;
    while (i < METRICS_BUCKETS && value > bounds[i]) {
        i++;
    }
    counter_add(&histogram->buckets[i], 1);
    counter_add(&histogram->sum, value);
}
