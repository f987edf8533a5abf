/* Limits the requests of each token and of each session: to its quota in a window of one minute, and to its
 * burst at once, which refills evenly. Beyond that an account has limits of its own, so that one person
 * cannot keep the service busy:
 *
 *   calls       as many as ten of its tokens or sessions together may make, whatever their quotas are
 *   creations   of tokens and accounts: a tenth of the default quota a minute, and half of the default burst
 *               at once (each costs an argon2)
 *   sign-ins    as many as creations, counted apart
 *
 * A lone server counts in memory. While others live, too (rate_limits_set_servers()), a token's calls come
 * out of leases (lease.h), which lease_client.h asks PostgreSQL for, so that the token's limit holds over all
 * servers together; every other limit is each server's own. Bounded memory; thread-safe. */
#ifndef SERVER_AUTH_RATE_LIMITS_H
#define SERVER_AUTH_RATE_LIMITS_H

#include "server/auth/lease.h"
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
    bool needs_lease;      /* not allowed, but it may be after a lease has been asked for */
    bool lease_is_low;     /* a lease should be asked for, so that later requests need not wait */
};

/* `quota` a minute and `burst`: for tokens without a quota of their own. */
struct rate_limits *rate_limits_new(int64_t quota, int64_t burst);
/* NULL is fine. */
void rate_limits_free(struct rate_limits *limits);

/* Counts one request of a token if it is allowed, in memory, without regard to its account and to other
 * servers: for calls that are refused anyway. `quota`: the token's own, with a burst in proportion; 0: the
 * default. */
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

/* --- leases --- */

/* How many servers live, this one included. Returns true when tokens are counted by leases from now on; then
 * rate_limits_publish() must tell PostgreSQL what was counted before. Once the others have gone, leases go on
 * for a minute: until then, windows that they have spent may be open. */
bool rate_limits_set_servers(struct rate_limits *limits, int64_t servers, int64_t now_us);

/* The servers among which rates are shared; 1: this server is alone and asks for no leases. */
int64_t rate_limits_servers(const struct rate_limits *limits);

/* For tokens without a quota of their own. */
int64_t rate_limits_quota(const struct rate_limits *limits);
int64_t rate_limits_burst(const struct rate_limits *limits);

/* Whether a request of the token would have to wait for a lease, while this server is not alone. */
bool rate_limits_lacks_lease(struct rate_limits *limits, int64_t token_id, int64_t now_us);

/* What to ask PostgreSQL for, for one token. */
struct lease_terms {
    int64_t token_id;
    int64_t wanted;                /* calls */
    int64_t returned, window;      /* calls that are given back, and the window that they were of */
    int64_t used, age_us, debt_us; /* counted in memory before: calls, the age of their window, and how long
                                      the burst's allowance takes to be whole again */
};

/* Takes what is given back out of the token's lease. With `wants`, asks for more, of which `waiting` calls
 * wait. Ends in one call of one of the next two functions. Returns false when the token cannot be asked about
 * before another loop's question has been answered: it tells what was counted in memory, and PostgreSQL must
 * know that first. */
bool rate_limits_begin_lease(struct rate_limits *limits, int64_t token_id, bool wants, int64_t waiting,
                             int64_t now_us, struct lease_terms *ret_terms);
void rate_limits_end_lease(struct rate_limits *limits, const struct lease_terms *terms,
                           const struct lease_grant *grant, int64_t sent_us, int64_t now_us);
/* PostgreSQL did not answer: calls given back are lost, and what was used is told again. */
void rate_limits_fail_lease(struct rate_limits *limits, const struct lease_terms *terms);

/* It must not call rate_limits. */
typedef void rate_limits_each(int64_t token_id, void *argument);

/* Calls `each` for every token of which something was counted in memory that PostgreSQL does not know. */
void rate_limits_publish(struct rate_limits *limits, int64_t now_us, rate_limits_each *each, void *argument);

/* Once a second: calls `each` for every token whose lease is to give something back. */
void rate_limits_second_over(struct rate_limits *limits, int64_t now_us, rate_limits_each *each,
                             void *argument);

/* At the end: has all leases given back, and calls `each` for them. */
void rate_limits_give_all_back(struct rate_limits *limits, rate_limits_each *each, void *argument);

#endif
