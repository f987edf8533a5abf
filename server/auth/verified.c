#include "server/auth/verified.h"
#include "common/memory.h"
#include "common/secret.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HASH_FUNCTION(key, length, hash) ((hash) = id_hash(key))
#include "server/auth/id_hash.h"
#include <uthash.h>
#include <utlist.h>

/* The analyzer loses track of entries in the macros of uthash and utlist. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */

#define SHARDS 16

struct entry {
    struct verified_key key;
    enum verified_answer answer;
    int64_t token_id;
    bool is_used; /* since it was last passed over */
    UT_hash_handle hh;
    struct entry *prev, *next; /* its list, in the order in which they are to go */
};

struct shard {
    pthread_mutex_t lock;
    struct entry *entries;
    struct entry *lists[2]; /* good, wrong */
    size_t counts[2];
};

struct verified {
    unsigned char secret[32];
    size_t capacities[2]; /* of one shard */
    struct shard shards[SHARDS];
};

static int
list_of(enum verified_answer answer)
{
    return answer == VERIFIED_GOOD ? 0 : 1;
}

static struct shard *
shard_of(struct verified *verified, const struct verified_key *key)
{
    return &verified->shards[key->bytes[31] % SHARDS];
}

static void
drop(struct shard *shard, struct entry *entry)
{
    int list = list_of(entry->answer);
    HASH_DEL(shard->entries, entry);
    DL_DELETE(shard->lists[list], entry);
    shard->counts[list]--;
    secret_wipe(entry, sizeof(*entry));
    free(entry);
}

struct verified *
verified_new(size_t good_capacity, size_t wrong_capacity)
{
    struct verified *verified = memory_new(1, sizeof(*verified));
    secret_random(verified->secret, sizeof(verified->secret));
    verified->capacities[0] = good_capacity / SHARDS + 1;
    verified->capacities[1] = wrong_capacity / SHARDS + 1;
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&verified->shards[i].lock, NULL);
    }
    return verified;
}

void
verified_free(struct verified *verified)
{
    if (!verified) {
        return;
    }
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &verified->shards[i];
        struct entry *entry, *next;
        HASH_ITER (hh, shard->entries, entry, next) {
            /* cppcheck-suppress uninitvar ; the macro sets it */
            drop(shard, entry);
        }
        pthread_mutex_destroy(&shard->lock);
    }
    secret_wipe(verified, sizeof(*verified));
    free(verified);
}

void
verified_key_of(const struct verified *verified, const char *token, size_t length,
                struct verified_key *ret_key)
{
    secret_digest(token, length, verified->secret, ret_key->bytes);
}

enum verified_answer
verified_find(struct verified *verified, const struct verified_key *key, int64_t *ret_token_id)
{
    struct shard *shard = shard_of(verified, key);
    enum verified_answer answer = VERIFIED_UNKNOWN;
    struct entry *entry;
    pthread_mutex_lock(&shard->lock);
    HASH_FIND(hh, shard->entries, key, sizeof(*key), entry);
    if (entry) {
        entry->is_used = true;
        answer = entry->answer;
        if (answer == VERIFIED_GOOD) {
            *ret_token_id = entry->token_id;
        }
    }
    pthread_mutex_unlock(&shard->lock);
    return answer;
}

/* Second chance: an entry that was used since the last time goes to the end instead. */
static void
make_room(struct shard *shard, int list, size_t capacity)
{
    while (shard->counts[list] == capacity) {
        struct entry *first = shard->lists[list];
        if (first->is_used) {
            first->is_used = false;
            DL_DELETE(shard->lists[list], first);
            DL_APPEND(shard->lists[list], first);
        } else {
            drop(shard, first);
        }
    }
}

bool
verified_remember(struct verified *verified, const struct verified_key *key, enum verified_answer answer,
                  int64_t token_id)
{
    struct shard *shard = shard_of(verified, key);
    struct entry *entry;
    pthread_mutex_lock(&shard->lock);
    HASH_FIND(hh, shard->entries, key, sizeof(*key), entry);
    bool is_news = !entry || entry->answer != answer || entry->token_id != token_id;
    if (entry) {
        drop(shard, entry);
    }
    int list = list_of(answer);
    make_room(shard, list, verified->capacities[list]);
    entry = memory_new(1, sizeof(*entry));
    entry->key = *key;
    entry->answer = answer;
    entry->token_id = token_id;
    HASH_ADD(hh, shard->entries, key, sizeof(entry->key), entry);
    DL_APPEND(shard->lists[list], entry);
    shard->counts[list]++;
    pthread_mutex_unlock(&shard->lock);
    return is_news;
}
/* NOLINTEND(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */
