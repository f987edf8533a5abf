/* An allowance that refills evenly, by the generic cell rate algorithm: `burst` at once, and after those one
 * per interval. A single instant says how much of it has been taken: the one at which it is whole again, of
 * the clock that `now_us` is of; in the past, and 0, when nothing has been taken. */
#ifndef SERVER_AUTH_ALLOWANCE_H
#define SERVER_AUTH_ALLOWANCE_H

#include <stdint.h>

struct allowance {
    int64_t burst; /* at least 1 */
    int64_t interval_us;
};

/* Microseconds until one more is allowed; 0: it is now. */
static inline int64_t
allowance_wait_us(const struct allowance *allowance, int64_t whole_at_us, int64_t now_us)
{
    int64_t allowed_at_us = whole_at_us - (allowance->burst - 1) * allowance->interval_us;
    return allowed_at_us > now_us ? allowed_at_us - now_us : 0;
}

/* Takes one, also when it is not allowed. Returns when the allowance is whole again. */
static inline int64_t
allowance_take(const struct allowance *allowance, int64_t whole_at_us, int64_t now_us)
{
    return (whole_at_us > now_us ? whole_at_us : now_us) + allowance->interval_us;
}

#endif
