/* A hash for uthash's tables whose keys begin with an id of ours or with random bytes: ids are dense, so a
 * multiplication spreads them, at a fraction of what uthash's own function costs. */
#ifndef SERVER_AUTH_ID_HASH_H
#define SERVER_AUTH_ID_HASH_H

#include <stdint.h>
#include <string.h>

static inline unsigned
id_hash(const void *key)
{
    uint64_t id;
    memcpy(&id, key, sizeof(id));
    return (unsigned)(id * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

#endif
