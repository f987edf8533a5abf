/* Choosing among several connections to PostgreSQL. */
#ifndef SERVER_DATABASE_HANDLERS_H
#define SERVER_DATABASE_HANDLERS_H

#include "common/db.h"

/* Of `count` connections, 1 at least: a usable one if there is any, with the fewest calls pending; the first
 * of equals. */
struct db *handlers_least_busy(struct db *const *connections, int count);

#endif
