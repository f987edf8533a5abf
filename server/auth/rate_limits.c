#include "server/auth/rate_limits.h"
#include "common/memory.h"
#include "server/auth/allowance.h"
#include "server/auth/id_hash.h"
#include "server/auth/second_chance.h"
#include <pthread.h>
#include <stdlib.h>

#define SHARDS            16
#define BUCKETS_PER_SHARD 8192
#define WINDOW_US         (INT64_C(1000000) * RATE_LIMITS_WINDOW_SECONDS)

struct bucket {
    struct second_chance_link link;
    int64_t token_id;
    int64_t window_start_us;
    int64_t used;        /* in the window */
    int64_t whole_at_us; /* the burst's allowance */
    UT_hash_handle hh;
};

struct shard {
    pthread_mutex_t lock;
    struct bucket *buckets;
    struct second_chance order;
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
        second_chance_init(&limits->shards[i].order, BUCKETS_PER_SHARD);
    }
    return limits;
}

static void
drop(struct shard *shard, struct bucket *bucket)
{
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
add(struct shard *shard, int64_t token_id, int64_t now_us)
{
    struct second_chance_link *victim = second_chance_victim(&shard->order);
    if (victim) {
        drop(shard, (struct bucket *)victim);
    }
    struct bucket *bucket = memory_new(1, sizeof(*bucket));
    bucket->token_id = token_id;
    bucket->window_start_us = now_us;
    HASH_ADD(hh, shard->buckets, token_id, sizeof(bucket->token_id), bucket);
    second_chance_add(&shard->order, &bucket->link);
    return bucket;
}

static struct bucket *
find_or_add(struct shard *shard, int64_t token_id, int64_t now_us)
{
    struct bucket *bucket;
    HASH_FIND(hh, shard->buckets, &token_id, sizeof(token_id), bucket);
    if (!bucket) {
        bucket = add(shard, token_id, now_us);
    }
    second_chance_use(&bucket->link);
    return bucket;
}

static int64_t
up_to_seconds(int64_t us)
{
    return (us + 999999) / 1000000;
}

static struct rate_decision
decide(struct bucket *bucket, int64_t quota, int64_t burst, int64_t now_us)
{
    const struct allowance allowance = { burst, WINDOW_US / quota };
    if (now_us - bucket->window_start_us >= WINDOW_US) {
        bucket->window_start_us = now_us;
        bucket->used = 0;
    }
    int64_t window_left_us = bucket->window_start_us + WINDOW_US - now_us;
    int64_t wait_us =
        bucket->used >= quota ? window_left_us : allowance_wait_us(&allowance, bucket->whole_at_us, now_us);
    struct rate_decision decision = {
        .allowed = wait_us <= 0,
        .quota = quota,
        .burst = burst,
        .burst_seconds = up_to_seconds(burst * allowance.interval_us),
        .reset_seconds = up_to_seconds(wait_us > 0 ? wait_us : window_left_us),
    };
    if (decision.allowed) {
        bucket->whole_at_us = allowance_take(&allowance, bucket->whole_at_us, now_us);
        bucket->used++;
        decision.remaining = quota - bucket->used;
    }
    return decision;
}

struct rate_decision
rate_limits_take(struct rate_limits *limits, int64_t token_id, int64_t quota, int64_t now_ms)
{
    int64_t now_us = now_ms * 1000;
    int64_t burst = limits->burst;
    if (quota > 0) {
        burst = quota * limits->burst / limits->quota;
        burst = burst > 0 ? burst : 1;
    }
    struct shard *shard = &limits->shards[(uint64_t)token_id % SHARDS];
    pthread_mutex_lock(&shard->lock);
    struct rate_decision decision =
        decide(find_or_add(shard, token_id, now_us), quota > 0 ? quota : limits->quota, burst, now_us);
    pthread_mutex_unlock(&shard->lock);
    return decision;
}
