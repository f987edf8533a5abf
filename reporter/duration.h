/* Durations as report files write them. */
#ifndef REPORTER_DURATION_H
#define REPORTER_DURATION_H

#include <stdint.h>

#define DURATION_NONE (-1) /* absent, or not to be believed: negative, or more than 30 days */

/* Seconds, as XML formats write them, to milliseconds rounded half up: "0.25", "1,234.5" (thousands),
 * "0,03" (decimal comma), "1.4e-05", "80.803us" (units: ns, us, ms, s). */
int64_t duration_of_seconds(const char *text);

/* A number of milliseconds, as JSON formats write it. */
int64_t duration_of_ms(double milliseconds);

/* The sum, where either may be absent. */
int64_t duration_add(int64_t a, int64_t b);

#endif
