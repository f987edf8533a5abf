/* LISTEN and NOTIFY. A notification only says where to look; a lost one is made up for by the next scan. */
#ifndef WORKER_LISTEN_H
#define WORKER_LISTEN_H

#include "common/db_sync.h"

/* The channels, as a set of bits: what has changed. */
enum listen_channel {
    LISTEN_TOKENS = 1,
    LISTEN_USERS = 2,
    LISTEN_REMINDERS = 4,
    LISTEN_OUTBOX = 8,
};

/* Listens on every channel. Returns 0, or -1 (see db_sync_error()). */
int listen_begin(struct db_sync *db);

/* Takes all notifications that have arrived, without waiting, and returns the set of their channels. A lost
 * connection shows in db_sync_alive(). */
unsigned listen_take(struct db_sync *db);

#endif
