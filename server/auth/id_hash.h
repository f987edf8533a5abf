/* uthash with a hash function for keys that begin with an id of the database or with random bytes. Ids are
 * consecutive numbers, which a multiplication spreads, at a fraction of the cost of uthash's own function.
 * Include this instead of uthash.h. */
#ifndef SERVER_AUTH_ID_HASH_H
#define SERVER_AUTH_ID_HASH_H

#include <stdint.h>
#include <string.h>

#define HASH_FUNCTION(key, length, hash) ((hash) = id_hash(key))
#include <uthash.h>

static inline unsigned
id_hash(const void *key)
{
    uint64_t id;
    memcpy(&id, key, sizeof(id));
    return (unsigned)(id * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

#endif
