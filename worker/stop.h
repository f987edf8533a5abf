/* SIGTERM and SIGINT as a descriptor, so that the worker ends between two batches, never within one. */
#ifndef WORKER_STOP_H
#define WORKER_STOP_H

#include <stdbool.h>

struct stop;

/* Blocks both signals for the process; NULL with errno when that fails. Call before any thread is started. */
struct stop *stop_new(void);
void stop_free(struct stop *stop);

/* Readable from the first of these signals on. */
int stop_descriptor(const struct stop *stop);
bool stop_requested(const struct stop *stop);

/* Between these two calls, a signal ends the process at once with status 0. For connecting: libpq does not
 * return on a signal, and no work is under way. */
void stop_at_once_begin(void);
void stop_at_once_end(void);

#endif
