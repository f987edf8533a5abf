/* Trying again after a failure: how long to wait, and how often to log it. */
#ifndef COMMON_RETRY_H
#define COMMON_RETRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The wait before the next attempt, after `failures` (1 at least) in a row: `first_ms`, doubled with each
 * further failure up to `most_ms`. Up to half of that is taken off at random, so that many clients do not
 * return in step. */
int64_t retry_delay_ms(int failures, int64_t first_ms, int64_t most_ms);

/* Keeps a failure that goes on from filling the log. Zeroed at first. */
struct retry_log {
    bool has_logged;
    int64_t logged_ms; /* by clock_monotonic_ms() */
};

/* Whether a line may be logged now: the first one, then one a minute. If true, the minute begins. */
bool retry_log_is_due(struct retry_log *log);

/* The same for several threads together. Zeroed at first. */
struct retry_shared_log {
    _Atomic int64_t due_ms; /* when the minute ends, by clock_monotonic_ms() */
};

/* Whether a line may be logged now; true for only one of the threads. If true, the minute begins. */
bool retry_shared_log_is_due(struct retry_shared_log *log);

/* One thing that is tried again and again. Zeroed but for `what`, a constant that names it in the log. */
struct retry {
    const char *what;
    int failures; /* in a row */
    struct retry_log log;
};

/* Counts a failure; logs the first of a row and then one a minute, with its SQLSTATE (may be "") and its
 * reason. */
void retry_failed(struct retry *retry, const char *sqlstate, const char *error);

/* Ends a row of failures; logs that if there was one. */
void retry_worked(struct retry *retry);

#endif
