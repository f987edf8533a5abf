/* Requests per minute and token, in this process: a bucket for each token id, shared by all loops. Every call
 * is from any thread.
 *
 * A bucket holds `burst` requests, or `limit` if that is less, and refills evenly, `limit` a minute; so an
 * unused one is full after a minute at most and is then forgotten. Limit and burst come with each call: a
 * change counts at once, and what was used stays used. If more tokens are in use than the capacity, those
 * that have spent least of the ones unused for longest start afresh. */
#ifndef SERVER_RATE_LIMIT_H
#define SERVER_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate_limit;

/* What draft-ietf-httpapi-ratelimit-headers-11 wants told:
 *     RateLimit-Policy: "default";q=<limit>;w=60
 *     RateLimit: "default";r=<remaining>;t=<reset_seconds>
 * r is what is left in the bucket after this request, t the seconds (1 to 60) until there is more (§4.1.2).
 */
struct rate_limit_decision {
    bool allowed;
    int64_t limit;
    int64_t remaining;           /* 0 when refused */
    int64_t reset_seconds;       /* 1 to 60 */
    int64_t retry_after_seconds; /* of 429's Retry-After: reset_seconds; 0 when allowed */
};

#define RATE_LIMIT_WINDOW_SECONDS 60

/* `capacity`: the most tokens that are remembered. */
struct rate_limit *rate_limit_new(size_t capacity);
/* NULL is fine. */
void rate_limit_free(struct rate_limit *rate_limit);

/* Counts one request; a refused one costs nothing. `limit` and `burst` below 1 count as 1, above 1 000 000 as
 * that.
 */
struct rate_limit_decision rate_limit_take(struct rate_limit *rate_limit, int64_t token_id, int64_t limit,
                                           int64_t burst);

#endif
