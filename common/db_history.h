/* The newest history of PostgreSQL that this process has seen. When a standby takes over, it begins the next
 * timeline of the same system; what its old primary still says, should it come back beside it, is no longer
 * true. Two standbys that both took over have the same timeline and cannot be told apart.
 *
 * Thread-safe, and without locks. */
#ifndef COMMON_DB_HISTORY_H
#define COMMON_DB_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A system and its timeline in one number; 0: unknown. */
typedef uint64_t db_timeline;

/* Zeroed at first. */
struct db_history {
    _Atomic db_timeline newest;
};

/* The values of QUERY_DB_HISTORY. */
db_timeline db_history_timeline(int64_t system, int64_t number);
/* Its number. */
int64_t db_history_number(db_timeline timeline);

/* Remembers the timeline, unless that is older than the newest one of the same system: then false. */
bool db_history_follow(struct db_history *history, db_timeline timeline);

/* Whether a newer one of the same system has been seen. An unknown one is not old. */
bool db_history_is_old(const struct db_history *history, db_timeline timeline);

/* The newest one. */
db_timeline db_history_newest(const struct db_history *history);

#endif
