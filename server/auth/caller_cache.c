#include "server/auth/caller_cache.h"
#include "common/memory.h"
#include <stdbool.h>
#include <stdlib.h>

#define HASH_FUNCTION(key, length, hash) ((hash) = id_hash(key))
#include "server/auth/id_hash.h"
#include <uthash.h>
#include <utlist.h>

/* The analyzer loses track of entries in the macros of uthash and utlist. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */

struct entry {
    int64_t token_id;
    int64_t epoch; /* under which it was read */
    uint64_t life;
    struct caller *caller;
    bool is_used; /* since it was last passed over */
    UT_hash_handle hh;
    struct entry *prev, *next; /* in the order in which they are to go */
};

struct caller_cache {
    struct epoch epoch;
    uint64_t life;
    size_t capacity;
    size_t count;
    struct entry *entries;
    struct entry *order;
};

struct caller_cache *
caller_cache_new(size_t capacity)
{
    struct caller_cache *cache = memory_new(1, sizeof(*cache));
    cache->capacity = capacity;
    return cache;
}

static void
drop(struct caller_cache *cache, struct entry *entry)
{
    HASH_DEL(cache->entries, entry);
    DL_DELETE(cache->order, entry);
    cache->count--;
    caller_free(entry->caller);
    free(entry);
}

void
caller_cache_free(struct caller_cache *cache)
{
    if (!cache) {
        return;
    }
    struct entry *entry, *next;
    DL_FOREACH_SAFE (cache->order, entry, next) {
        /* cppcheck-suppress uninitvar ; the macro sets it */
        drop(cache, entry);
    }
    free(cache);
}

static struct entry *
find(struct caller_cache *cache, int64_t token_id)
{
    struct entry *entry;
    HASH_FIND(hh, cache->entries, &token_id, sizeof(token_id), entry);
    if (entry) {
        entry->is_used = true;
    }
    return entry;
}

/* Second chance: an entry that was used since the last time goes to the end instead. */
static void
make_room(struct caller_cache *cache)
{
    while (cache->count == cache->capacity) {
        struct entry *first = cache->order;
        if (first->is_used) {
            first->is_used = false;
            DL_DELETE(cache->order, first);
            DL_APPEND(cache->order, first);
        } else {
            drop(cache, first);
        }
    }
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

struct caller *
caller_cache_find(struct caller_cache *cache, int64_t token_id)
{
    const struct entry *entry = cache->epoch.number ? find(cache, token_id) : NULL;
    return entry && entry->life == cache->life ? entry->caller : NULL;
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
        make_room(cache);
        entry = memory_new(1, sizeof(*entry));
        entry->token_id = caller->token_id;
        HASH_ADD(hh, cache->entries, token_id, sizeof(entry->token_id), entry);
        DL_APPEND(cache->order, entry);
        cache->count++;
    }
    entry->caller = caller_keep(caller);
    entry->epoch = epoch;
    entry->life = life;
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

/* What is left of an earlier life is not found, and goes when there is need of room. */
void
caller_cache_clear(struct caller_cache *cache, struct epoch epoch)
{
    cache->life++;
    cache->epoch = epoch;
}
/* NOLINTEND(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */
