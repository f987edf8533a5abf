#include "server/auth/caller_cache.h"
#include "common/memory.h"
#include "server/auth/id_hash.h"
#include "server/auth/second_chance.h"
#include <stdbool.h>
#include <stdlib.h>

#define KEPT_US (60 * INT64_C(1000000))

struct entry {
    struct second_chance_link link;
    int64_t token_id;
    int64_t epoch; /* under which it was read */
    uint64_t life;
    int64_t read_us; /* by PostgreSQL's clock */
    struct caller *caller;
    UT_hash_handle hh;
};

struct caller_cache {
    struct epoch epoch;
    uint64_t life;
    int64_t now_us; /* the latest time told */
    struct entry *entries;
    struct second_chance order;
};

struct caller_cache *
caller_cache_new(size_t capacity)
{
    struct caller_cache *cache = memory_new(1, sizeof(*cache));
    second_chance_init(&cache->order, capacity);
    return cache;
}

static void
drop(struct caller_cache *cache, struct entry *entry)
{
    HASH_DEL(cache->entries, entry);
    second_chance_remove(&cache->order, &entry->link);
    caller_free(entry->caller);
    free(entry);
}

void
caller_cache_free(struct caller_cache *cache)
{
    if (!cache) {
        return;
    }
    for (struct second_chance_link *link; (link = second_chance_any(&cache->order));) {
        drop(cache, (struct entry *)link);
    }
    free(cache);
}

static struct entry *
find(struct caller_cache *cache, int64_t token_id)
{
    struct entry *entry;
    HASH_FIND(hh, cache->entries, &token_id, sizeof(token_id), entry);
    if (entry) {
        second_chance_use(&entry->link);
    }
    return entry;
}

static struct entry *
add(struct caller_cache *cache, int64_t token_id)
{
    struct second_chance_link *victim = second_chance_victim(&cache->order);
    if (victim) {
        drop(cache, (struct entry *)victim);
    }
    struct entry *entry = memory_new(1, sizeof(*entry));
    entry->token_id = token_id;
    HASH_ADD(hh, cache->entries, token_id, sizeof(entry->token_id), entry);
    second_chance_add(&cache->order, &entry->link);
    return entry;
}

struct epoch
caller_cache_epoch(const struct caller_cache *cache)
{
    return cache->epoch;
}

uint64_t
caller_cache_life(const struct caller_cache *cache)
{
    return cache->life;
}

int64_t
caller_cache_tell_time(struct caller_cache *cache, int64_t now_us)
{
    if (now_us > cache->now_us) {
        cache->now_us = now_us;
    }
    return cache->now_us;
}

static bool
holds(const struct caller_cache *cache, const struct entry *entry)
{
    return entry->life == cache->life && cache->now_us - entry->read_us < KEPT_US;
}

struct caller *
caller_cache_find(struct caller_cache *cache, int64_t token_id)
{
    const struct entry *entry = cache->epoch.number ? find(cache, token_id) : NULL;
    return entry && holds(cache, entry) ? entry->caller : NULL;
}

void
caller_cache_put(struct caller_cache *cache, struct caller *caller, int64_t epoch, uint64_t life)
{
    if (life != cache->life || epoch < cache->epoch.number) {
        return;
    }
    struct entry *entry = find(cache, caller->token_id);
    if (entry) {
        caller_free(entry->caller);
    } else {
        entry = add(cache, caller->token_id);
    }
    entry->caller = caller_keep(caller);
    entry->epoch = epoch;
    entry->life = life;
    entry->read_us = cache->now_us;
}

void
caller_cache_forget(struct caller_cache *cache, int64_t token_id, int64_t epoch)
{
    struct entry *entry = find(cache, token_id);
    if (entry && (entry->epoch < epoch || entry->life != cache->life)) {
        drop(cache, entry);
    }
}

void
caller_cache_advance(struct caller_cache *cache, struct epoch epoch)
{
    cache->epoch = epoch;
}

/* Entries of an earlier life stay until they are evicted; caller_cache_find() passes over them. */
void
caller_cache_clear(struct caller_cache *cache, struct epoch epoch)
{
    cache->life++;
    cache->epoch = epoch;
}
