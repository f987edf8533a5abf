/* The worker's loop: connect, work until no work is left, sleep until a notification or the next deadline.
 * PostgreSQL computes every deadline, by its own clock. */
#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

#include "common/config.h"
#include "worker/stop.h"

/* Works until `stop` is requested, then returns 0. Returns -1, after logging why, when it cannot work.
 * Exposes metrics and sends mail as `config` says. */
int loop_run(const struct config *config, const struct stop *stop);

#endif
