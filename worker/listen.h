/* LISTEN and NOTIFY. A notification only says where to look: whoever loses one finds the same by a scan. */
#ifndef WORKER_LISTEN_H
#define WORKER_LISTEN_H

#include "common/db_sync.h"

/* What has changed, as a set. */
enum listen_channel {
    LISTEN_TOKENS = 1,
    LISTEN_USERS = 2,
    LISTEN_REMINDERS = 4,
};

/* Listens on every channel. Returns 0, or -1 (see db_sync_error()). */
int listen_begin(struct db_sync *db);

/* Takes all notifications that have arrived, without waiting; the set of their channels, 0 for none. A lost
 * connection shows in db_sync_alive(). */
unsigned listen_take(struct db_sync *db);

#endif
