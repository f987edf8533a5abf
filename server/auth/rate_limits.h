/* Limits the requests of each token and of each session: to its quota in a window of one minute, and to its
 * burst at once, which refills evenly. Beyond that an account has limits of its own, so that one person
 * cannot keep the service busy:
 *
 *   calls       as many as ten of its tokens or sessions together may make, whatever their quotas are
 *   creations   of tokens and accounts: a tenth of the default quota a minute, and half of the default burst
 *               at once (each costs an argon2)
 *   sign-ins    as many as creations, counted apart
 *
 * Every server process counts by itself, so n servers together allow up to n times as much. Bounded memory;
 * thread-safe. */
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

/* Counts one request of a token if it is allowed, without regard to its account. `quota`: the token's own,
 * with a burst in proportion; 0: the default. */
struct rate_decision rate_limits_take(struct rate_limits *limits, int64_t token_id, int64_t quota,
                                      int64_t now_ms);

/* Who makes a request. */
struct rate_caller {
    int64_t token_id; /* 0 with a session */
    int64_t session;  /* with a session: a number that is the same for all its requests, and secret */
    int64_t user_id;
    int64_t quota; /* the token's own; 0: the default */
};

/* Counts one request of the token or session, and of the account, if both allow it. */
struct rate_decision rate_limits_take_call(struct rate_limits *limits, const struct rate_caller *caller,
                                           int64_t now_ms);

/* Whether the session's next request is allowed, as far as is known without its account. Counts nothing:
 * `remaining` is not set when it is allowed. So a session that floods the service can be refused before it
 * costs a query. */
struct rate_decision rate_limits_peek_session(struct rate_limits *limits, int64_t session, int64_t now_ms);

enum rate_act { RATE_CREATION, RATE_SIGN_IN };

/* Counts one act of the account if it is allowed. Returns 0, or the seconds until it is. */
int64_t rate_limits_take_act(struct rate_limits *limits, enum rate_act act, int64_t user_id, int64_t now_ms);
/* The same without counting. */
int64_t rate_limits_act_wait(struct rate_limits *limits, enum rate_act act, int64_t user_id, int64_t now_ms);

#endif
