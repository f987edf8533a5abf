/* A bounded cache of callers by token id. Every change up to the cache's epoch has been applied to it. A
 * caller is kept for a minute at most: that bounds the harm of changes that moved no epoch, because an
 * operator made them with triggers disabled. Belongs to one loop. */
#ifndef SERVER_AUTH_CALLER_CACHE_H
#define SERVER_AUTH_CALLER_CACHE_H

#include "server/auth/caller.h"

struct caller_cache;

/* A version of the row auth_epoch: its number, and the transaction that wrote it. In a restored database,
 * another transaction may reach the same number. */
struct epoch {
    int64_t number;
    int64_t transaction;
};

struct caller_cache *caller_cache_new(size_t capacity);
/* NULL is fine. */
void caller_cache_free(struct caller_cache *cache);

/* The epoch up to which every change has been applied. Number 0: none yet, and nothing is found. */
struct epoch caller_cache_epoch(const struct caller_cache *cache);

/* The life that the cache is in; caller_cache_clear() begins the next. The answer to a query that was sent in
 * an earlier life says nothing about epochs of this one. */
uint64_t caller_cache_life(const struct caller_cache *cache);

/* PostgreSQL's time, in microseconds, as an answer has just told it. Returns the latest time told so far,
 * also after its clock was set back: no token lives again because of that. */
int64_t caller_cache_tell_time(struct caller_cache *cache, int64_t now_us);

/* The caller as of caller_cache_epoch() or a later epoch; NULL when it is not cached. Adds no reference. */
struct caller *caller_cache_find(struct caller_cache *cache, int64_t token_id);

/* Stores a caller that was read under `epoch` by a query sent in `life`, in place of the one stored before,
 * with a reference of the cache's own. Does nothing when that life is over, or when `epoch` is before the
 * cache's: a change between them may have concerned this token. */
void caller_cache_put(struct caller_cache *cache, struct caller *caller, int64_t epoch, uint64_t life);

/* The change that made `epoch` concerned this token: forgets its caller if it was read before that. */
void caller_cache_forget(struct caller_cache *cache, int64_t token_id, int64_t epoch);

/* Every change up to `epoch`, which is later than the cache's, has been passed to caller_cache_forget(). */
void caller_cache_advance(struct caller_cache *cache, struct epoch epoch);

/* Forgets everything, and goes on from `epoch`, which may be earlier or later than the cache's. */
void caller_cache_clear(struct caller_cache *cache, struct epoch epoch);

#endif
