#include "server/auth/rate_limit.h"
#include "common/memory.h"
#include <pthread.h>
#include <stdlib.h>

#define HASH_FUNCTION(key, length, hash) ((hash) = id_hash(key))
#include "server/auth/id_hash.h"
#include <uthash.h>
#include <utlist.h>

/* The analyzer loses track of entries in the macros of uthash and utlist. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */

#define SHARDS            16
#define BUCKETS_PER_SHARD 8192
#define WINDOW_MS         (RATE_LIMIT_WINDOW_SECONDS * 1000)

struct bucket {
    int64_t token_id;
    int64_t window_start_ms;
    int64_t used;           /* in the window */
    int64_t spent_until_us; /* generic cell rate: at this instant the burst is whole again */
    bool is_used;           /* since it was last passed over */
    UT_hash_handle hh;
    struct bucket *prev, *next; /* in the order in which they are to go */
};

struct shard {
    pthread_mutex_t lock;
    struct bucket *buckets;
    struct bucket *order;
    size_t count;
};

struct rate_limits {
    int64_t quota;
    int64_t burst;
    struct shard shards[SHARDS];
};

struct rate_limits *
rate_limits_new(int64_t quota, int64_t burst)
{
    struct rate_limits *limits = memory_new(1, sizeof(*limits));
    limits->quota = quota;
    limits->burst = burst;
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&limits->shards[i].lock, NULL);
    }
    return limits;
}

static void
drop(struct shard *shard, struct bucket *bucket)
{
    HASH_DEL(shard->buckets, bucket);
    DL_DELETE(shard->order, bucket);
    shard->count--;
    free(bucket);
}

void
rate_limits_free(struct rate_limits *limits)
{
    if (!limits) {
        return;
    }
    for (int i = 0; i < SHARDS; i++) {
        struct bucket *bucket, *next;
        HASH_ITER (hh, limits->shards[i].buckets, bucket, next) {
            /* cppcheck-suppress uninitvar ; the macro sets it */
            drop(&limits->shards[i], bucket);
        }
        pthread_mutex_destroy(&limits->shards[i].lock);
    }
    free(limits);
}

/* Second chance: a bucket that was used since the last time goes to the end instead. */
static void
make_room(struct shard *shard)
{
    while (shard->count == BUCKETS_PER_SHARD) {
        struct bucket *first = shard->order;
        if (first->is_used) {
            first->is_used = false;
            DL_DELETE(shard->order, first);
            DL_APPEND(shard->order, first);
        } else {
            drop(shard, first);
        }
    }
}

static struct bucket *
touch(struct shard *shard, int64_t token_id, int64_t now_ms)
{
    struct bucket *bucket;
    HASH_FIND(hh, shard->buckets, &token_id, sizeof(token_id), bucket);
    if (!bucket) {
        make_room(shard);
        bucket = memory_new(1, sizeof(*bucket));
        bucket->token_id = token_id;
        bucket->window_start_ms = now_ms;
        HASH_ADD(hh, shard->buckets, token_id, sizeof(bucket->token_id), bucket);
        DL_APPEND(shard->order, bucket);
        shard->count++;
    }
    bucket->is_used = true;
    return bucket;
}

static int64_t
up_to_seconds(int64_t ms)
{
    return (ms + 999) / 1000;
}

/* How long until the burst has room for one more. */
static int64_t
burst_wait_ms(const struct bucket *bucket, int64_t interval_us, int64_t burst, int64_t now_ms)
{
    int64_t spent = bucket->spent_until_us - now_ms * 1000;
    int64_t most = (burst - 1) * interval_us;
    return spent > most ? (spent - most + 999) / 1000 : 0;
}

static struct rate_decision
decide(struct bucket *bucket, int64_t quota, int64_t burst, int64_t now_ms)
{
    int64_t interval_us = (int64_t)WINDOW_MS * 1000 / quota;
    if (now_ms - bucket->window_start_ms >= WINDOW_MS) {
        bucket->window_start_ms = now_ms;
        bucket->used = 0;
    }
    int64_t window_left = bucket->window_start_ms + WINDOW_MS - now_ms;
    int64_t wait = bucket->used >= quota ? window_left : burst_wait_ms(bucket, interval_us, burst, now_ms);
    if (wait > 0) {
        return (struct rate_decision){ false, quota, 0, up_to_seconds(wait) };
    }
    int64_t from = bucket->spent_until_us > now_ms * 1000 ? bucket->spent_until_us : now_ms * 1000;
    bucket->spent_until_us = from + interval_us;
    bucket->used++;
    return (struct rate_decision){ true, quota, quota - bucket->used, up_to_seconds(window_left) };
}

struct rate_decision
rate_limits_take(struct rate_limits *limits, int64_t token_id, int64_t quota, int64_t now_ms)
{
    int64_t burst = limits->burst;
    if (quota > 0) {
        burst = quota * limits->burst / limits->quota;
        burst = burst > 0 ? burst : 1;
    }
    struct shard *shard = &limits->shards[(uint64_t)token_id % SHARDS];
    pthread_mutex_lock(&shard->lock);
    struct rate_decision decision =
        decide(touch(shard, token_id, now_ms), quota > 0 ? quota : limits->quota, burst, now_ms);
    pthread_mutex_unlock(&shard->lock);
    return decision;
}
/* NOLINTEND(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */
