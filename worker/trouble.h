/* Something that keeps failing: when to try again, and how often to say so. */
#ifndef WORKER_TROUBLE_H
#define WORKER_TROUBLE_H

#include <stdint.h>

/* Zeroed but for `what`, a constant that names the thing in the log. */
struct trouble {
    const char *what;
    int failures;      /* in a row */
    int64_t logged_ms; /* when one was logged last, by clock_monotonic_ms() */
};

/* Notes one more failure: logs the first, then at most one a minute, with `state` (SQLSTATE, may be "") and
 * `error`. */
void trouble_note(struct trouble *trouble, const char *state, const char *error);

/* It works: ends the row of failures, and says so if there was one. */
void trouble_over(struct trouble *trouble);

/* How long to wait before the next try: `first_ms`, doubling with each failure up to `most_ms`, the upper
 * half of it at random, so that many workers do not return in step. */
int64_t trouble_delay_ms(const struct trouble *trouble, int64_t first_ms, int64_t most_ms);

#endif
