/* The callers behind tokens, as they are under the epoch up to which every change is known here. Bounded;
 * what was not used for long goes first. One loop's own. */
#ifndef SERVER_AUTH_CALLER_CACHE_H
#define SERVER_AUTH_CALLER_CACHE_H

#include "server/auth/caller.h"

struct caller_cache;

/* A state of the row auth_epoch: its number, and the transaction that made it. In a restored database,
 * another may reach the same number. */
struct epoch {
    int64_t number;
    int64_t transaction;
};

struct caller_cache *caller_cache_new(size_t capacity);
/* NULL is fine. */
void caller_cache_free(struct caller_cache *cache);

/* Every change up to this epoch is known here; number 0: none yet, and nothing will be found. */
struct epoch caller_cache_epoch(const struct caller_cache *cache);

/* Which of its lives the cache is in: caller_cache_clear() begins the next. What was asked in an earlier one
 * says nothing about epochs in this. */
uint64_t caller_cache_life(const struct caller_cache *cache);

/* The caller as it is under caller_cache_epoch(), or was under a later one; NULL when that is not known. The
 * cache keeps its reference. */
struct caller *caller_cache_find(struct caller_cache *cache, int64_t token_id);

/* Takes its own reference, in place of what was there, of a caller that was read under `epoch` and asked for
 * in `life`. Not when that is an earlier life, or an epoch before the cache's: a change since then may have
 * been about it. */
void caller_cache_put(struct caller_cache *cache, struct caller *caller, int64_t epoch, uint64_t life);

/* The change that made `epoch` was about this token: what was read before is forgotten. */
void caller_cache_forget(struct caller_cache *cache, int64_t token_id, int64_t epoch);

/* What was to be forgotten up to `epoch`, later than the cache's, has been. */
void caller_cache_advance(struct caller_cache *cache, struct epoch epoch);

/* Forgets everything; `epoch` is the one from now on, earlier or later. */
void caller_cache_clear(struct caller_cache *cache, struct epoch epoch);

#endif
