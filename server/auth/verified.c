#include "server/auth/verified.h"
#include "common/memory.h"
#include "common/secret.h"
#include "server/auth/id_hash.h"
#include "server/auth/second_chance.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS 16

struct entry {
    struct second_chance_link link;
    struct verified_key key;
    enum verified_answer answer;
    int64_t token_id;
    UT_hash_handle hh;
};

struct shard {
    pthread_mutex_t lock;
    struct entry *entries;
    struct second_chance good, wrong;
};

struct verified {
    unsigned char secret[VERIFIED_SECRET_SIZE];
    struct shard shards[SHARDS];
};

static struct shard *
shard_of(struct verified *verified, const struct verified_key *key)
{
    return &verified->shards[key->bytes[31] % SHARDS];
}

static struct second_chance *
order_of(struct shard *shard, enum verified_answer answer)
{
    return answer == VERIFIED_GOOD ? &shard->good : &shard->wrong;
}

static void
drop(struct shard *shard, struct entry *entry)
{
    HASH_DEL(shard->entries, entry);
    second_chance_remove(order_of(shard, entry->answer), &entry->link);
    secret_wipe(entry, sizeof(*entry));
    free(entry);
}

struct verified *
verified_new(size_t good_capacity, size_t wrong_capacity)
{
    struct verified *verified = memory_new(1, sizeof(*verified));
    secret_random(verified->secret, sizeof(verified->secret));
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &verified->shards[i];
        pthread_mutex_init(&shard->lock, NULL);
        second_chance_init(&shard->good, good_capacity / SHARDS + 1);
        second_chance_init(&shard->wrong, wrong_capacity / SHARDS + 1);
    }
    return verified;
}

static void
drop_all(struct shard *shard, const struct second_chance *order)
{
    for (struct second_chance_link *link; (link = second_chance_any(order));) {
        drop(shard, (struct entry *)link);
    }
}

void
verified_free(struct verified *verified)
{
    if (!verified) {
        return;
    }
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &verified->shards[i];
        drop_all(shard, &shard->good);
        drop_all(shard, &shard->wrong);
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
        second_chance_use(&entry->link);
        answer = entry->answer;
        if (answer == VERIFIED_GOOD) {
            *ret_token_id = entry->token_id;
        }
    }
    pthread_mutex_unlock(&shard->lock);
    return answer;
}

static void
add(struct shard *shard, const struct verified_key *key, enum verified_answer answer, int64_t token_id)
{
    struct second_chance *order = order_of(shard, answer);
    struct second_chance_link *victim = second_chance_victim(order);
    if (victim) {
        drop(shard, (struct entry *)victim);
    }
    struct entry *entry = memory_new(1, sizeof(*entry));
    entry->key = *key;
    entry->answer = answer;
    entry->token_id = token_id;
    HASH_ADD(hh, shard->entries, key, sizeof(entry->key), entry);
    second_chance_add(order, &entry->link);
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
    add(shard, key, answer, token_id);
    pthread_mutex_unlock(&shard->lock);
    return is_news;
}

const unsigned char *
verified_secret(const struct verified *verified)
{
    return verified->secret;
}

void
verified_set_secret(struct verified *verified, const unsigned char secret[VERIFIED_SECRET_SIZE])
{
    memcpy(verified->secret, secret, VERIFIED_SECRET_SIZE);
}

void
verified_visit_good(struct verified *verified, verified_visitor *visit, void *argument)
{
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &verified->shards[i];
        const struct second_chance_link *link = NULL;
        pthread_mutex_lock(&shard->lock);
        TAILQ_FOREACH (link, &shard->good.order, in_order) {
            const struct entry *entry = (const struct entry *)link;
            visit(&entry->key, entry->token_id, argument);
        }
        pthread_mutex_unlock(&shard->lock);
    }
}
