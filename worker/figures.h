/* The numbers of tokens, and the lag of the jobs, for the worker's metrics. One statement computes them all,
 * once a minute; no request waits for it. Every worker shows the same numbers. */
#ifndef WORKER_FIGURES_H
#define WORKER_FIGURES_H

#include "common/db_sync.h"
#include <stdint.h>

struct figures;

struct metrics;

/* `metrics` must outlive the figures. */
struct figures *figures_new(struct metrics *metrics);
void figures_free(struct figures *figures);

/* Computes them, if they are due, and writes them to the metrics. Logs a failure, and tries again a minute
 * later; until then the metrics keep the last numbers, and the time that these are of. */
void figures_refresh(struct figures *figures, struct db_sync *db);

/* When they are due next, by clock_monotonic_ms(). */
int64_t figures_next_ms(const struct figures *figures);

#endif
