/* Time. Monotonic time measures durations and deadlines; wall time serves logs and the Date field only.
 * PostgreSQL's clock decides whether a token has expired, never this machine's. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* Milliseconds since an unspecified start; never goes back. */
int64_t clock_monotonic_ms(void);

/* Microseconds since an unspecified start; never goes back. */
int64_t clock_monotonic_us(void);

/* Microseconds since 1970-01-01T00:00:00Z by this machine's clock. */
int64_t clock_wall_us(void);

/* For tests: stops the clock at these values until clock_release(). Not thread-safe. */
void clock_freeze(int64_t monotonic_us, int64_t wall_us);
void clock_release(void);

#endif
