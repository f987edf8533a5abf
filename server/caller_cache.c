#include "server/caller_cache.h"
#include "common/memory.h"
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

struct entry {
    int64_t token_id;
    int64_t epoch;
    struct caller *caller;
    UT_hash_handle hh;
    struct entry *prev, *next; /* the least recently used first */
};

struct caller_cache {
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
    /* The analyzer does not see that uthash forgets it here. */
    HASH_DEL(cache->entries, entry); /* NOLINT(clang-analyzer-unix.Malloc) */
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
    HASH_ITER (hh, cache->entries, entry, next) {
        drop(cache, entry);
    }
    free(cache);
}

static struct entry *
touch(struct caller_cache *cache, int64_t token_id)
{
    struct entry *entry;
    HASH_FIND(hh, cache->entries, &token_id, sizeof(token_id), entry);
    if (entry) {
        DL_DELETE(cache->order, entry);
        DL_APPEND(cache->order, entry);
    }
    return entry;
}

struct caller *
caller_cache_find(struct caller_cache *cache, int64_t token_id, int64_t epoch)
{
    const struct entry *entry = touch(cache, token_id);
    return entry && entry->epoch == epoch ? entry->caller : NULL;
}

void
caller_cache_put(struct caller_cache *cache, struct caller *caller, int64_t epoch)
{
    struct entry *entry = touch(cache, caller->token_id);
    if (entry) {
        caller_free(entry->caller);
    } else {
        if (cache->count == cache->capacity) {
            drop(cache, cache->order);
        }
        entry = memory_new(1, sizeof(*entry));
        entry->token_id = caller->token_id;
        HASH_ADD(hh, cache->entries, token_id, sizeof(entry->token_id), entry);
        DL_APPEND(cache->order, entry);
        cache->count++;
    }
    entry->caller = caller_keep(caller);
    entry->epoch = epoch;
}
