/* The callers behind tokens, each as it was under some epoch. Bounded; what was not used for long goes first.
 * One loop's own. */
#ifndef SERVER_CALLER_CACHE_H
#define SERVER_CALLER_CACHE_H

#include "server/caller.h"

struct caller_cache;

struct caller_cache *caller_cache_new(size_t capacity);
/* NULL is fine. */
void caller_cache_free(struct caller_cache *cache);

/* The caller as it was read under exactly this epoch; NULL when there is none. The cache keeps its reference.
 */
struct caller *caller_cache_find(struct caller_cache *cache, int64_t token_id, int64_t epoch);

/* Takes its own reference; replaces what was there. */
void caller_cache_put(struct caller_cache *cache, struct caller *caller, int64_t epoch);

#endif
