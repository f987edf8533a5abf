/* The worker's jobs. Each is one statement of sql/queries/worker that changes at most a batch of rows,
 * together with everything that belongs to the change, and returns their number. Several workers share the
 * work; a worker that is killed leaves nothing half done. A job that fails waits, longer each time, without
 * delaying the others. The jobs that tell people wait, for a bounded time, while those before them have a
 * backlog.
 */
#ifndef WORKER_JOBS_H
#define WORKER_JOBS_H

#include "common/db_sync.h"
#include "worker/stop.h"
#include <stdbool.h>
#include <stdint.h>

struct jobs;

struct metrics;

/* `metrics` (may be NULL) must outlive the jobs. */
struct jobs *jobs_new(struct metrics *metrics);
void jobs_free(struct jobs *jobs);

/* Makes every job run in the next round; for use after connecting. */
void jobs_wake_all(struct jobs *jobs);

/* Makes the jobs of these channels (enum listen_channel) run in the next round, except those that wait after
 * a failure. */
void jobs_wake(struct jobs *jobs, unsigned channels);

/* Runs one batch of each job that is due. Returns how many rows changed; if any did, there may be more work.
 * Ends early when a stop is requested or the connection is lost (db_sync_alive()). */
int64_t jobs_round(struct jobs *jobs, struct db_sync *db, const struct stop *stop);

/* Whether every job has run or failed since jobs_wake_all(). */
bool jobs_tried(const struct jobs *jobs);

/* Whether every job has run since jobs_wake_all() and none is failing. */
bool jobs_complete(const struct jobs *jobs);

/* When the next job is due that does not run in every round, by clock_monotonic_ms(). */
int64_t jobs_next_ms(const struct jobs *jobs);

#endif
