/* The worker's heartbeat: its row of worker_heartbeats, named `<host>:<pid>`, renewed every 15 seconds. */
#ifndef WORKER_HEARTBEAT_H
#define WORKER_HEARTBEAT_H

#include "common/db_sync.h"
#include <stdbool.h>
#include <stdint.h>

struct heartbeat;

/* `sends_mail`: whether this worker is configured to; the server says so to people. */
struct heartbeat *heartbeat_new(bool sends_mail);
void heartbeat_free(struct heartbeat *heartbeat);

/* Renews the row if it is due. Logs a failure, and tries again at the next beat. */
void heartbeat_beat(struct heartbeat *heartbeat, struct db_sync *db);

/* When the next beat is due, by clock_monotonic_ms(). */
int64_t heartbeat_next_ms(const struct heartbeat *heartbeat);

/* Removes the row, at a clean exit. */
void heartbeat_end(struct heartbeat *heartbeat, struct db_sync *db);

#endif
