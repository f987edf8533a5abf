/* The worker's life: connect, work until there is nothing left to do, sleep until a notification or the next
 * deadline. Every deadline is asked from PostgreSQL, by its clock. */
#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

#include "worker/stop.h"

/* Works until `stop` is requested. `metrics_address` (NULL: nowhere) is where metrics are told. Returns 0
 * then, or -1 (logged) when working is impossible. */
int loop_run(const char *database_url, const char *metrics_address, const struct stop *stop);

#endif
