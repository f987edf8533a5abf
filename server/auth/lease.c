#include "server/auth/lease.h"

#define FIRST_OF_QUOTA 50  /* the first lease of a token that has not been used: a part of the quota */
#define KEPT_OF_QUOTA  200 /* an unused lease keeps so much, that the next call need not wait, */
#define SCARCE         10  /* unless less than this part of the quota is left for all servers */
#define AHEAD          4   /* asks for more with a quarter of a second's calls left */
#define LOOK_US        250000
#define EMPTY_MIN_US   10000 /* so that a busy token costs at most 100 questions a second */

static int64_t
least(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

static int64_t
most(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

static int64_t
left_at(const struct lease *lease, int64_t now_us)
{
    return now_us < lease->ends_us ? lease->left : 0;
}

/* Calls in a second. */
static int64_t
demand(const struct lease *lease)
{
    return most(lease->calls, lease->calls_before);
}

/* --- taking --- */

enum lease_answer
lease_take(struct lease *lease, int64_t quota, int64_t now_us)
{
    lease->quota = quota;
    if (lease_is_missing(lease, now_us)) {
        return LEASE_MISSING;
    }
    lease->calls++;
    if (left_at(lease, now_us) == 0) {
        return LEASE_REFUSED;
    }
    lease->left--;
    lease->excess = least(lease->excess, lease->left);
    return LEASE_TAKEN;
}

bool
lease_is_missing(const struct lease *lease, int64_t now_us)
{
    return left_at(lease, now_us) == 0 && now_us >= lease->empty_us;
}

/* --- asking --- */

bool
lease_is_low(const struct lease *lease, int64_t now_us)
{
    return now_us < lease->ends_us && now_us >= lease->look_us &&
           lease->left < most(demand(lease) / AHEAD, 1);
}

int64_t
lease_want(const struct lease *lease, int64_t waiting)
{
    int64_t ahead = most(demand(lease) - lease->left, lease->quota / FIRST_OF_QUOTA);
    return most(waiting, 0) + most(ahead, waiting > 0 ? 0 : 1);
}

/* An answer about an earlier window was overtaken by a later one. After a change of PostgreSQL's clock, a
 * later window may have a smaller name: it counts when the known one is over. */
void
lease_add(struct lease *lease, const struct lease_grant *grant, int64_t sent_us, int64_t now_us)
{
    if (grant->window < lease->window && now_us < lease->ends_us) {
        return;
    }
    if (grant->window != lease->window) {
        lease->window = grant->window;
        lease->left = 0;
        lease->excess = 0;
    }
    lease->ends_us = sent_us + grant->window_left_us;
    lease->left += grant->taken;
    lease->pool = grant->pool;
    lease->empty_us = grant->wait_us > 0 ? now_us + most(grant->wait_us, EMPTY_MIN_US) : 0;
    lease->look_us = grant->wait_us > 0 ? now_us + LOOK_US : 0;
}

/* --- giving back --- */

void
lease_second_over(struct lease *lease, int64_t now_us)
{
    int64_t kept = lease->pool > lease->quota / SCARCE ? lease->quota / KEPT_OF_QUOTA : 0;
    int64_t left = left_at(lease, now_us);
    bool is_excessive = lease->calls == 0 || left > 2 * lease->calls + kept;
    lease->excess = is_excessive ? most(left - lease->calls - kept, 0) : 0;
    lease->calls_before = lease->calls;
    lease->calls = 0;
}

int64_t
lease_give_back(struct lease *lease, int64_t now_us)
{
    int64_t back = least(lease->excess, left_at(lease, now_us));
    lease->left -= back;
    lease->excess = 0;
    return back;
}
