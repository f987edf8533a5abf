/* What the worker does: a table of jobs, each one statement of sql/queries/worker that changes up to a batch
 * of rows, with everything that belongs to the change, and returns how many. Several workers share the work,
 * and a killed one leaves nothing half done. A job that fails waits, longer each time, and holds up no other.
 */
#ifndef WORKER_JOBS_H
#define WORKER_JOBS_H

#include "common/db_sync.h"
#include "worker/stop.h"
#include <stdbool.h>
#include <stdint.h>

struct jobs;

struct metrics;

/* `metrics` (NULL: none) outlives it. */
struct jobs *jobs_new(struct metrics *metrics);
void jobs_free(struct jobs *jobs);

/* Makes every job run in the next round: after connecting. */
void jobs_wake_all(struct jobs *jobs);

/* Makes those run that look after these channels (enum listen_channel); not those that wait after a failure.
 */
void jobs_wake(struct jobs *jobs, unsigned channels);

/* Runs one batch of each job whose time has come. Returns how many rows changed; while that is not 0, there
 * may be more to do. Ends early when a stop is requested or the connection is lost (db_sync_alive()). */
int64_t jobs_round(struct jobs *jobs, struct db_sync *db, const struct stop *stop);

/* Whether every job has run since jobs_wake_all() and none is failing. */
bool jobs_complete(const struct jobs *jobs);

/* Milliseconds, by clock_monotonic_ms(), when a job wants to run that is not part of every round. */
int64_t jobs_next_ms(const struct jobs *jobs);

#endif
