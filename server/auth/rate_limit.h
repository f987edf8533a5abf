/* How many requests a token may make: in any minute's window no more than its limit, and at once no more than
 * its burst, which refills evenly. Both hold on each server process by itself; so n servers together let
 * through up to n times as much. Bounded memory; thread-safe. */
#ifndef SERVER_AUTH_RATE_LIMIT_H
#define SERVER_AUTH_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_LIMIT_WINDOW_SECONDS 60

struct rate_limits;

/* What the RateLimit fields tell (draft-ietf-httpapi-ratelimit-headers-11 §3 and §4). */
struct rate_decision {
    bool allowed;
    int64_t quota;         /* a minute */
    int64_t remaining;     /* of it, in this window; 0 when not allowed */
    int64_t reset_seconds; /* until the window ends; when not allowed, until one more is */
};

/* `quota` a minute and `burst` for tokens without a limit of their own. */
struct rate_limits *rate_limits_new(int64_t quota, int64_t burst);
/* NULL is fine. */
void rate_limits_free(struct rate_limits *limits);

/* Counts one request, when it is allowed. `quota` is the token's own limit, 0 for the default; the burst is
 * in proportion. */
struct rate_decision rate_limits_take(struct rate_limits *limits, int64_t token_id, int64_t quota,
                                      int64_t now_ms);

#endif
