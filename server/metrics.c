#include "server/metrics.h"

const uint64_t metrics_latency_bounds[METRICS_BUCKETS] = { 100,    250,    500,     1000,   2500,
                                                           5000,   10000,  25000,   50000,  100000,
                                                           250000, 500000, 1000000, 5000000 };
const uint64_t metrics_size_bounds[METRICS_BUCKETS] = { 1,   2,   4,   8,    16,   32,   64,
                                                        128, 256, 512, 1024, 2048, 4096, 8192 };

static const int statuses[METRICS_STATUSES - 1] = { 200, 201, 202, 204, 304, 400, 401, 403,
                                                    404, 405, 408, 409, 410, 413, 414, 415,
                                                    417, 422, 429, 431, 500, 503, 505 };

size_t
metrics_status_index(int status)
{
    size_t i = 0;
    while (i < METRICS_STATUSES - 1 && statuses[i] != status) {
        i++;
    }
    return i;
}

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

int
metrics_status_at(size_t index)
{
    return index < METRICS_STATUSES - 1 ? statuses[index] : 0;
}
