/* Limits the requests of each token: to its quota in a window of one minute, and to its burst at once, which
 * refills evenly. Every server process counts by itself, so n servers together allow up to n times as much.
 * Bounded memory; thread-safe. */
#ifndef SERVER_AUTH_RATE_LIMITS_H
#define SERVER_AUTH_RATE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_LIMITS_WINDOW_SECONDS 60

struct rate_limits;

/* The content of the RateLimit fields (draft-ietf-httpapi-ratelimit-headers-11 §3 and §4). */
struct rate_decision {
    bool allowed;
    int64_t quota;         /* a minute */
    int64_t burst;         /* at once */
    int64_t burst_seconds; /* in which the burst refills, rounded up */
    int64_t remaining;     /* of it, in this window; 0 when not allowed */
    int64_t reset_seconds; /* until the window ends; when not allowed, until the next request is */
};

/* `quota` a minute and `burst`: for tokens without a quota of their own. */
struct rate_limits *rate_limits_new(int64_t quota, int64_t burst);
/* NULL is fine. */
void rate_limits_free(struct rate_limits *limits);

/* Counts one request if it is allowed. `quota`: the token's own, with a burst in proportion; 0: the default.
 */
struct rate_decision rate_limits_take(struct rate_limits *limits, int64_t token_id, int64_t quota,
                                      int64_t now_ms);

#endif
