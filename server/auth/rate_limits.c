#include "server/auth/rate_limits.h"
#include "common/memory.h"
#include "server/auth/allowance.h"
#include "server/auth/id_hash.h"
#include "server/auth/second_chance.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SHARDS            16
#define BUCKETS_PER_SHARD 8192
#define WINDOW_US         (INT64_C(1000000) * RATE_LIMITS_WINDOW_SECONDS)

#define ACCOUNT_CALLERS 10 /* tokens and sessions that may use their limits in full */
#define ACTS_OF_QUOTA   10 /* one act for so many requests of the quota */
#define ACTS_OF_BURST   2

#define RETRY_US 1000000 /* for a request that finds every lease spent by others */

enum subject { TOKEN, SESSION, ACCOUNT, CREATIONS, SIGN_INS };

/* Hashed by its id (id_hash.h), so that comes first. Without padding. */
struct key {
    int64_t id;
    int64_t subject;
};

/* A token's lease; only while other servers live, and until its window ends. */
struct held_lease {
    TAILQ_ENTRY(held_lease) in_list;
    struct bucket *bucket;
    struct lease lease;
    int asked;         /* questions under way */
    bool is_published; /* PostgreSQL knows what the bucket has counted by itself, or is being told */
    bool is_told;      /* it is being told */
};

struct bucket {
    struct second_chance_link link;
    struct key key;
    struct held_lease *held;  /* NULL: counted here */
    int64_t window_start_us;  /* of a token or session */
    int64_t used;             /* in the window */
    int64_t whole_at_us;      /* the burst's allowance */
    int64_t blocked_until_us; /* by the account's limit */
    UT_hash_handle hh;
};

struct shard {
    pthread_mutex_t lock;
    struct bucket *buckets;
    struct second_chance order;
    TAILQ_HEAD(held_list, held_lease) leases;
};

struct rate_limits {
    int64_t quota;
    int64_t burst;
    _Atomic int64_t servers;         /* that share the rates of tokens */
    _Atomic int64_t shared_until_us; /* windows that others have spent may be open until then */
    struct shard shards[SHARDS];
};

struct rate_limits *
rate_limits_new(int64_t quota, int64_t burst)
{
    struct rate_limits *limits = memory_new(1, sizeof(*limits));
    limits->quota = quota;
    limits->burst = burst;
    limits->servers = 1;
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&limits->shards[i].lock, NULL);
        second_chance_init(&limits->shards[i].order, BUCKETS_PER_SHARD);
        TAILQ_INIT(&limits->shards[i].leases);
    }
    return limits;
}

static void
drop_lease(struct shard *shard, struct bucket *bucket)
{
    if (bucket->held) {
        TAILQ_REMOVE(&shard->leases, bucket->held, in_list);
        free(bucket->held);
        bucket->held = NULL;
    }
}

static void
drop(struct shard *shard, struct bucket *bucket)
{
    drop_lease(shard, bucket);
    HASH_DEL(shard->buckets, bucket);
    second_chance_remove(&shard->order, &bucket->link);
    free(bucket);
}

void
rate_limits_free(struct rate_limits *limits)
{
    if (!limits) {
        return;
    }
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &limits->shards[i];
        for (struct second_chance_link *link; (link = second_chance_any(&shard->order));) {
            drop(shard, (struct bucket *)link);
        }
        pthread_mutex_destroy(&shard->lock);
    }
    free(limits);
}

static struct bucket *
add(struct shard *shard, const struct key *key, int64_t now_us)
{
    struct second_chance_link *victim = second_chance_victim(&shard->order);
    if (victim) {
        drop(shard, (struct bucket *)victim);
    }
    struct bucket *bucket = memory_new(1, sizeof(*bucket));
    bucket->key = *key;
    bucket->window_start_us = now_us;
    HASH_ADD(hh, shard->buckets, key, sizeof(bucket->key), bucket);
    second_chance_add(&shard->order, &bucket->link);
    return bucket;
}

static struct bucket *
find(const struct shard *shard, const struct key *key)
{
    struct bucket *bucket;
    HASH_FIND(hh, shard->buckets, key, sizeof(*key), bucket);
    return bucket;
}

static struct bucket *
find_or_add(struct shard *shard, const struct key *key, int64_t now_us)
{
    struct bucket *bucket = find(shard, key);
    if (!bucket) {
        bucket = add(shard, key, now_us);
    }
    second_chance_use(&bucket->link);
    return bucket;
}

/* Locks the shard of the key. */
static struct shard *
lock_shard(struct rate_limits *limits, const struct key *key)
{
    struct shard *shard = &limits->shards[(uint64_t)key->id % SHARDS];
    pthread_mutex_lock(&shard->lock);
    return shard;
}

/* --- a token or a session --- */

static int64_t
up_to_seconds(int64_t us)
{
    return (us + 999999) / 1000000;
}

static struct allowance
allowance_of(const struct rate_limits *limits, int64_t quota)
{
    if (quota <= 0) {
        return (struct allowance){ limits->burst, WINDOW_US / limits->quota };
    }
    int64_t burst = quota * limits->burst / limits->quota;
    return (struct allowance){ burst > 0 ? burst : 1, WINDOW_US / quota };
}

/* `remaining` of the quota; `us` until the window ends or, when not allowed, until the next request is. */
static struct rate_decision
make_decision(const struct allowance *allowance, int64_t quota, bool allowed, int64_t remaining, int64_t us)
{
    return (struct rate_decision){
        .allowed = allowed,
        .quota = quota,
        .burst = allowance->burst,
        .burst_seconds = up_to_seconds(allowance->burst * allowance->interval_us),
        .remaining = remaining,
        .reset_seconds = up_to_seconds(us),
    };
}

static int64_t
wait_us_of(const struct bucket *bucket, const struct allowance *allowance, int64_t quota, int64_t now_us)
{
    int64_t window_left_us = bucket->window_start_us + WINDOW_US - now_us;
    int64_t wait_us = bucket->used >= quota && window_left_us > 0
                          ? window_left_us
                          : allowance_wait_us(allowance, bucket->whole_at_us, now_us);
    int64_t blocked_us = bucket->blocked_until_us - now_us;
    return wait_us > blocked_us ? wait_us : blocked_us;
}

static struct rate_decision
decide(struct bucket *bucket, const struct allowance *allowance, int64_t quota, int64_t now_us)
{
    if (now_us - bucket->window_start_us >= WINDOW_US) {
        bucket->window_start_us = now_us;
        bucket->used = 0;
    }
    int64_t wait_us = wait_us_of(bucket, allowance, quota, now_us);
    if (wait_us > 0) {
        return make_decision(allowance, quota, false, 0, wait_us);
    }
    bucket->whole_at_us = allowance_take(allowance, bucket->whole_at_us, now_us);
    bucket->used++;
    return make_decision(allowance, quota, true, quota - bucket->used,
                         bucket->window_start_us + WINDOW_US - now_us);
}

static bool
is_shared(const struct rate_limits *limits)
{
    return rate_limits_servers(limits) > 1;
}

/* Whether something was counted here, in a window that is still open. */
static bool
has_own_count(const struct bucket *bucket, int64_t now_us)
{
    return bucket->used > 0 && now_us - bucket->window_start_us < WINDOW_US;
}

static struct held_lease *
hold_lease(struct shard *shard, struct bucket *bucket, int64_t now_us)
{
    if (!bucket->held) {
        bucket->held = memory_new(1, sizeof(*bucket->held));
        bucket->held->bucket = bucket;
        bucket->held->is_published = !has_own_count(bucket, now_us);
        TAILQ_INSERT_TAIL(&shard->leases, bucket->held, in_list);
    }
    return bucket->held;
}

/* The bucket's lease, if its requests are counted by one: while others live, and then until the window that
 * the last lease is of has ended. Else NULL. */
static struct held_lease *
find_lease(const struct rate_limits *limits, struct shard *shard, struct bucket *bucket, int64_t now_us)
{
    if (bucket->key.subject != TOKEN) {
        return NULL;
    }
    if (is_shared(limits)) {
        return hold_lease(shard, bucket, now_us);
    }
    if (bucket->held && now_us >= bucket->held->lease.ends_us && bucket->held->asked == 0) {
        drop_lease(shard, bucket);
    }
    return bucket->held;
}

static struct rate_decision
decide_by_lease(struct held_lease *held, const struct allowance *allowance, int64_t quota, int64_t now_us)
{
    struct lease *lease = &held->lease;
    struct rate_decision decision;
    int64_t blocked_us = held->bucket->blocked_until_us - now_us;
    enum lease_answer answer = blocked_us > 0 ? LEASE_REFUSED : lease_take(lease, quota, now_us);
    if (answer == LEASE_MISSING) {
        decision = make_decision(allowance, quota, false, 0, RETRY_US);
        decision.needs_lease = true;
        return decision;
    }
    if (answer == LEASE_REFUSED) {
        decision =
            make_decision(allowance, quota, false, 0, blocked_us > 0 ? blocked_us : lease->empty_us - now_us);
    } else {
        decision = make_decision(allowance, quota, true, lease->left + lease->pool, lease->ends_us - now_us);
    }
    decision.lease_is_low = blocked_us <= 0 && held->asked == 0 && lease_is_low(lease, now_us);
    return decision;
}

static struct rate_decision
take_own(struct rate_limits *limits, const struct key *key, int64_t quota, int64_t now_us)
{
    const struct allowance allowance = allowance_of(limits, quota);
    struct shard *shard = lock_shard(limits, key);
    struct bucket *bucket = find_or_add(shard, key, now_us);
    int64_t own = quota > 0 ? quota : limits->quota;
    struct held_lease *held = find_lease(limits, shard, bucket, now_us);
    struct rate_decision decision =
        held ? decide_by_lease(held, &allowance, own, now_us) : decide(bucket, &allowance, own, now_us);
    pthread_mutex_unlock(&shard->lock);
    return decision;
}

/* Gives the request back that was just taken: the account refuses it, and others for that time. */
static void
block_own(struct rate_limits *limits, const struct key *key, int64_t quota, int64_t until_us)
{
    const struct allowance allowance = allowance_of(limits, quota);
    struct shard *shard = lock_shard(limits, key);
    struct bucket *bucket = find(shard, key);
    if (bucket && bucket->held) {
        bucket->held->lease.left++;
    } else if (bucket) {
        bucket->used -= bucket->used > 0;
        bucket->whole_at_us -= allowance.interval_us;
    }
    if (bucket) {
        bucket->blocked_until_us = until_us;
    }
    pthread_mutex_unlock(&shard->lock);
}

struct rate_decision
rate_limits_take(struct rate_limits *limits, int64_t token_id, int64_t quota, int64_t now_ms)
{
    const struct key key = { token_id, TOKEN };
    const struct allowance allowance = allowance_of(limits, quota);
    struct shard *shard = lock_shard(limits, &key);
    struct rate_decision decision = decide(find_or_add(shard, &key, now_ms * 1000), &allowance,
                                           quota > 0 ? quota : limits->quota, now_ms * 1000);
    pthread_mutex_unlock(&shard->lock);
    return decision;
}

struct rate_decision
rate_limits_peek_session(struct rate_limits *limits, int64_t session, int64_t now_ms)
{
    const struct key key = { session, SESSION };
    const struct allowance allowance = allowance_of(limits, 0);
    struct shard *shard = lock_shard(limits, &key);
    const struct bucket *bucket = find(shard, &key);
    int64_t wait_us = bucket ? wait_us_of(bucket, &allowance, limits->quota, now_ms * 1000) : 0;
    pthread_mutex_unlock(&shard->lock);
    return make_decision(&allowance, limits->quota, wait_us <= 0, 0, wait_us);
}

/* --- an account --- */

/* Takes one from an allowance that has no window. Returns the microseconds to wait, 0 when it is taken. */
static int64_t
take_allowance(struct rate_limits *limits, const struct key *key, const struct allowance *allowance,
               int64_t now_us)
{
    struct shard *shard = lock_shard(limits, key);
    struct bucket *bucket = find_or_add(shard, key, now_us);
    int64_t wait_us = allowance_wait_us(allowance, bucket->whole_at_us, now_us);
    if (wait_us == 0) {
        bucket->whole_at_us = allowance_take(allowance, bucket->whole_at_us, now_us);
    }
    pthread_mutex_unlock(&shard->lock);
    return wait_us;
}

/* A request takes the share of the account's allowance that it takes of its own tenth: so the account's is
 * used up when ten callers use theirs in full, and a token with a high quota does not use up the others'. */
struct rate_decision
rate_limits_take_call(struct rate_limits *limits, const struct rate_caller *caller, int64_t now_ms)
{
    const struct key own =
        caller->token_id ? (struct key){ caller->token_id, TOKEN } : (struct key){ caller->session, SESSION };
    struct rate_decision decision = take_own(limits, &own, caller->quota, now_ms * 1000);
    if (!decision.allowed) {
        return decision;
    }
    struct allowance allowance = allowance_of(limits, caller->quota);
    allowance.burst *= ACCOUNT_CALLERS;
    allowance.interval_us /= ACCOUNT_CALLERS;
    int64_t wait_us =
        take_allowance(limits, &(struct key){ caller->user_id, ACCOUNT }, &allowance, now_ms * 1000);
    if (wait_us > 0) {
        block_own(limits, &own, caller->quota, now_ms * 1000 + wait_us);
        decision.allowed = false;
        decision.remaining = 0;
        decision.reset_seconds = up_to_seconds(wait_us);
    }
    return decision;
}

static struct allowance
allowance_of_acts(const struct rate_limits *limits)
{
    int64_t burst = limits->burst / ACTS_OF_BURST;
    return (struct allowance){ burst > 0 ? burst : 1, WINDOW_US * ACTS_OF_QUOTA / limits->quota };
}

static struct key
key_of_act(enum rate_act act, int64_t user_id)
{
    return (struct key){ user_id, act == RATE_CREATION ? CREATIONS : SIGN_INS };
}

int64_t
rate_limits_take_act(struct rate_limits *limits, enum rate_act act, int64_t user_id, int64_t now_ms)
{
    const struct key key = key_of_act(act, user_id);
    const struct allowance allowance = allowance_of_acts(limits);
    return up_to_seconds(take_allowance(limits, &key, &allowance, now_ms * 1000));
}

int64_t
rate_limits_act_wait(struct rate_limits *limits, enum rate_act act, int64_t user_id, int64_t now_ms)
{
    const struct key key = key_of_act(act, user_id);
    const struct allowance allowance = allowance_of_acts(limits);
    struct shard *shard = lock_shard(limits, &key);
    const struct bucket *bucket = find(shard, &key);
    int64_t wait_us = bucket ? allowance_wait_us(&allowance, bucket->whole_at_us, now_ms * 1000) : 0;
    pthread_mutex_unlock(&shard->lock);
    return up_to_seconds(wait_us);
}

/* --- leases --- */

bool
rate_limits_set_servers(struct rate_limits *limits, int64_t servers, int64_t now_us)
{
    bool was_shared = is_shared(limits);
    if (servers > 1) {
        atomic_store(&limits->shared_until_us, now_us + WINDOW_US);
        atomic_store(&limits->servers, servers);
    } else if (now_us >= atomic_load(&limits->shared_until_us)) {
        atomic_store(&limits->servers, 1);
    }
    return !was_shared && is_shared(limits);
}

int64_t
rate_limits_servers(const struct rate_limits *limits)
{
    return atomic_load_explicit(&limits->servers, memory_order_relaxed);
}

int64_t
rate_limits_quota(const struct rate_limits *limits)
{
    return limits->quota;
}

int64_t
rate_limits_burst(const struct rate_limits *limits)
{
    return limits->burst;
}

bool
rate_limits_lacks_lease(struct rate_limits *limits, int64_t token_id, int64_t now_us)
{
    const struct key key = { token_id, TOKEN };
    struct shard *shard = lock_shard(limits, &key);
    const struct bucket *bucket = find(shard, &key);
    bool lacks = !bucket || !bucket->held ||
                 (bucket->held->asked == 0 && lease_is_missing(&bucket->held->lease, now_us));
    pthread_mutex_unlock(&shard->lock);
    return lacks;
}

/* What the bucket has counted by itself, unless its window has ended meanwhile. */
static void
tell_own_count(const struct held_lease *held, int64_t now_us, struct lease_terms *terms)
{
    const struct bucket *bucket = held->bucket;
    if (!held->is_published && has_own_count(bucket, now_us)) {
        terms->used = bucket->used;
        terms->age_us = now_us - bucket->window_start_us;
        terms->debt_us = bucket->whole_at_us > now_us ? bucket->whole_at_us - now_us : 0;
    }
}

bool
rate_limits_begin_lease(struct rate_limits *limits, int64_t token_id, bool wants, int64_t waiting,
                        int64_t now_us, struct lease_terms *ret_terms)
{
    const struct key key = { token_id, TOKEN };
    struct shard *shard = lock_shard(limits, &key);
    struct held_lease *held = hold_lease(shard, find_or_add(shard, &key, now_us), now_us);
    if (held->is_told) {
        pthread_mutex_unlock(&shard->lock);
        return false;
    }
    *ret_terms = (struct lease_terms){ .token_id = token_id, .window = held->lease.window };
    tell_own_count(held, now_us, ret_terms);
    held->is_published = true;
    held->is_told = ret_terms->used > 0;
    held->asked++;
    if (wants) {
        ret_terms->wanted = lease_want(&held->lease, waiting);
    } else {
        ret_terms->returned = lease_give_back(&held->lease, now_us);
    }
    pthread_mutex_unlock(&shard->lock);
    return true;
}

static void
end_question(struct held_lease *held, const struct lease_terms *terms)
{
    held->asked -= held->asked > 0;
    held->is_told = held->is_told && terms->used == 0;
}

void
rate_limits_end_lease(struct rate_limits *limits, const struct lease_terms *terms,
                      const struct lease_grant *grant, int64_t sent_us, int64_t now_us)
{
    const struct key key = { terms->token_id, TOKEN };
    struct shard *shard = lock_shard(limits, &key);
    struct held_lease *held = hold_lease(shard, find_or_add(shard, &key, now_us), now_us);
    end_question(held, terms);
    lease_add(&held->lease, grant, sent_us, now_us);
    pthread_mutex_unlock(&shard->lock);
}

void
rate_limits_fail_lease(struct rate_limits *limits, const struct lease_terms *terms)
{
    const struct key key = { terms->token_id, TOKEN };
    struct shard *shard = lock_shard(limits, &key);
    struct bucket *bucket = find(shard, &key);
    if (bucket && bucket->held) {
        end_question(bucket->held, terms);
        bucket->held->is_published = bucket->held->is_published && terms->used == 0;
    }
    pthread_mutex_unlock(&shard->lock);
}

void
rate_limits_publish(struct rate_limits *limits, int64_t now_us, rate_limits_each *each, void *argument)
{
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &limits->shards[i];
        struct bucket *bucket, *next;
        pthread_mutex_lock(&shard->lock);
        HASH_ITER (hh, shard->buckets, bucket, next) {
            /* cppcheck-suppress uninitvar ; the macro sets it */
            if (bucket->key.subject == TOKEN && !bucket->held && has_own_count(bucket, now_us)) {
                hold_lease(shard, bucket, now_us);
                each(bucket->key.id, argument);
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
}

/* Sets what the lease is to give back, and drops the lease of a token that has had no calls since its window
 * ended. Returns whether there is something to give back. */
static bool
settle(struct shard *shard, struct held_lease *held, int64_t now_us)
{
    bool is_idle = held->asked == 0 && held->lease.calls == 0 && now_us >= held->lease.ends_us;
    if (is_idle && held->is_published) {
        drop_lease(shard, held->bucket);
        return false;
    }
    lease_second_over(&held->lease, now_us);
    return held->lease.excess > 0 || (!held->is_published && held->asked == 0);
}

void
rate_limits_second_over(struct rate_limits *limits, int64_t now_us, rate_limits_each *each, void *argument)
{
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &limits->shards[i];
        pthread_mutex_lock(&shard->lock);
        for (struct held_lease *held = TAILQ_FIRST(&shard->leases), *next; held; held = next) {
            next = TAILQ_NEXT(held, in_list);
            int64_t token_id = held->bucket->key.id;
            if (settle(shard, held, now_us)) {
                each(token_id, argument);
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
}

void
rate_limits_give_all_back(struct rate_limits *limits, rate_limits_each *each, void *argument)
{
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &limits->shards[i];
        struct held_lease *held;
        pthread_mutex_lock(&shard->lock);
        TAILQ_FOREACH (held, &shard->leases, in_list) {
            /* cppcheck-suppress uninitvar ; the macro sets it */
            held->lease.excess = held->lease.left;
            if (held->lease.excess > 0) {
                each(held->bucket->key.id, argument);
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
}
