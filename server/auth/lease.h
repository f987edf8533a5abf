/* A lease: calls of one token's rate that this server has taken from PostgreSQL ahead of need, because other
 * servers spend the same rate (sql/migrations/0018_rate_leases.sql). Arithmetic only: what may be spent, how
 * much to ask for, and when, what to give back. All times are of the monotonic clock. */
#ifndef SERVER_AUTH_LEASE_H
#define SERVER_AUTH_LEASE_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed at first. */
struct lease {
    int64_t left;     /* calls that may be made without asking */
    int64_t pool;     /* left of the quota beyond all leases, when PostgreSQL was last asked */
    int64_t window;   /* PostgreSQL's name of the window that the lease is of */
    int64_t ends_us;  /* when that window ends, or a round trip earlier; calls that are left end with it */
    int64_t empty_us; /* PostgreSQL has no calls left until then */
    int64_t look_us;  /* not asked ahead of need before; then others may have given back */
    int64_t quota;    /* the token's, a minute */
    int64_t calls, calls_before; /* allowed or refused since lease_second_over(), and in the second before */
    int64_t excess;              /* of `left`: to be given back */
};

/* PostgreSQL's answer for one token. */
struct lease_grant {
    int64_t taken;          /* calls of the new lease */
    int64_t pool;           /* then left of the quota, for all servers */
    int64_t window;         /* greater than those before */
    int64_t window_left_us; /* counted from when PostgreSQL answered */
    int64_t wait_us;        /* until more calls are left; 0: some are */
};

enum lease_answer {
    LEASE_TAKEN,
    LEASE_REFUSED, /* PostgreSQL has none until empty_us */
    LEASE_MISSING  /* PostgreSQL must be asked first */
};

/* Takes one call, if one is left. */
enum lease_answer lease_take(struct lease *lease, int64_t quota, int64_t now_us);

/* Whether lease_take() would have to ask. */
bool lease_is_missing(const struct lease *lease, int64_t now_us);

/* Whether to ask for more now, so that later calls need not wait. */
bool lease_is_low(const struct lease *lease, int64_t now_us);

/* How many calls to ask for, of which `waiting` wait already. */
int64_t lease_want(const struct lease *lease, int64_t waiting);

/* Adds the answer to a question that was sent at `sent_us` and answered at `now_us`. */
void lease_add(struct lease *lease, const struct lease_grant *grant, int64_t sent_us, int64_t now_us);

/* Once a second. Sets `excess`: calls that the last second has shown not to be needed. */
void lease_second_over(struct lease *lease, int64_t now_us);

/* Takes the excess out of the lease, to give it back; returns how many calls that is. */
int64_t lease_give_back(struct lease *lease, int64_t now_us);

#endif
