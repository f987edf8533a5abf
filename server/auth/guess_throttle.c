#include "server/auth/guess_throttle.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/secret.h"
#include "server/auth/allowance.h"
#include "server/auth/id_hash.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define BUCKETS_MAX 20000
#define SECOND_US   INT64_C(1000000)
#define DEBT_MAX_US (600 * SECOND_US)

/* Those of the table in the header. */
static const struct {
    struct allowance address;
    struct allowance target;
} budgets[GUESS_KIND_COUNT] = {
    [GUESS_PASSWORD] = { { 20, 10 * SECOND_US }, { 5, 60 * SECOND_US } },
    [GUESS_TOKEN] = { { 60, SECOND_US }, { 10, 10 * SECOND_US } },
};

struct bucket {
    unsigned char key[SECRET_DIGEST_SIZE];
    int64_t whole_at_us; /* see allowance.h */
    UT_hash_handle hh;
    TAILQ_ENTRY(bucket) in_order;
};

struct guess_throttle {
    pthread_mutex_t lock;
    unsigned char secret[32];
    struct bucket *buckets;
    TAILQ_HEAD(bucket_list, bucket) order; /* the one used longest ago first */
    size_t count;
};

struct guess_throttle *
guess_throttle_new(void)
{
    struct guess_throttle *throttle = memory_new(1, sizeof(*throttle));
    pthread_mutex_init(&throttle->lock, NULL);
    secret_random(throttle->secret, sizeof(throttle->secret));
    TAILQ_INIT(&throttle->order);
    return throttle;
}

static void
drop(struct guess_throttle *throttle, struct bucket *bucket)
{
    HASH_DEL(throttle->buckets, bucket);
    TAILQ_REMOVE(&throttle->order, bucket, in_order);
    throttle->count--;
    free(bucket);
}

void
guess_throttle_free(struct guess_throttle *throttle)
{
    if (!throttle) {
        return;
    }
    while (!TAILQ_EMPTY(&throttle->order)) {
        drop(throttle, TAILQ_FIRST(&throttle->order));
    }
    pthread_mutex_destroy(&throttle->lock);
    free(throttle);
}

/* NULL: nothing of it has been spent, or it was evicted. */
static struct bucket *
find(struct guess_throttle *throttle, const unsigned char key[SECRET_DIGEST_SIZE])
{
    struct bucket *bucket;
    HASH_FIND(hh, throttle->buckets, key, SECRET_DIGEST_SIZE, bucket);
    if (bucket) {
        TAILQ_REMOVE(&throttle->order, bucket, in_order);
        TAILQ_INSERT_TAIL(&throttle->order, bucket, in_order);
    }
    return bucket;
}

/* Only a charge makes a bucket, so a client without budget cannot evict other clients' buckets. */
static struct bucket *
find_or_make(struct guess_throttle *throttle, const unsigned char key[SECRET_DIGEST_SIZE])
{
    struct bucket *bucket = find(throttle, key);
    if (!bucket) {
        if (throttle->count == BUCKETS_MAX) {
            drop(throttle, TAILQ_FIRST(&throttle->order));
        }
        bucket = memory_new(1, sizeof(*bucket));
        memcpy(bucket->key, key, SECRET_DIGEST_SIZE);
        HASH_ADD(hh, throttle->buckets, key, SECRET_DIGEST_SIZE, bucket);
        TAILQ_INSERT_TAIL(&throttle->order, bucket, in_order);
        throttle->count++;
    }
    return bucket;
}

static int64_t
wait_us(const struct bucket *bucket, const struct allowance *budget, int64_t now_us)
{
    return bucket ? allowance_wait_us(budget, bucket->whole_at_us, now_us) : 0;
}

/* Tokens that are checked at the same time may overdraw the budget of their address. The debt is bounded. */
static void
charge(struct guess_throttle *throttle, const unsigned char key[SECRET_DIGEST_SIZE],
       const struct allowance *budget, int64_t now_us)
{
    struct bucket *bucket = find_or_make(throttle, key);
    int64_t whole_at_us = allowance_take(budget, bucket->whole_at_us, now_us);
    int64_t most_us = now_us + budget->burst * budget->interval_us + DEBT_MAX_US;
    bucket->whole_at_us = whole_at_us < most_us ? whole_at_us : most_us;
}

/* A bucket that is whole again takes no room. */
static void
give_back(struct guess_throttle *throttle, const unsigned char key[SECRET_DIGEST_SIZE],
          const struct allowance *budget, int64_t now_us)
{
    struct bucket *bucket = find(throttle, key);
    if (!bucket) {
        return;
    }
    bucket->whole_at_us -= budget->interval_us;
    if (bucket->whole_at_us <= now_us) {
        drop(throttle, bucket);
    }
}

/* The two buckets of a guess. */
struct keys {
    unsigned char address[SECRET_DIGEST_SIZE];
    unsigned char target[SECRET_DIGEST_SIZE];
};

#define TARGET_MAX 255

static void
make_keys(const struct guess_throttle *throttle, enum guess_kind kind, const struct client_address *address,
          const char *target, struct keys *ret_keys)
{
    static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };
    char text[1 + 16 + TARGET_MAX + 1] = { (char)('0' + kind) };
    char *at = text + 1;
    memcpy(at, address->bytes, memcmp(address->bytes, mapped, sizeof(mapped)) == 0 ? 16 : 8);
    at += 16;
    secret_digest(text, (size_t)(at - text), throttle->secret, ret_keys->address);
    size_t length = strnlen(target, TARGET_MAX);
    for (size_t i = 0; i < length; i++) {
        bool is_upper = kind == GUESS_PASSWORD && target[i] >= 'A' && target[i] <= 'Z';
        *at++ = is_upper ? (char)(target[i] - 'A' + 'a') : target[i];
    }
    *at++ = '@'; /* so that no target has the key of an address */
    secret_digest(text, (size_t)(at - text), throttle->secret, ret_keys->target);
}

/* Whether the address is charged before the guess is checked, or only for a wrong one. */
static const bool charges_address_first[GUESS_KIND_COUNT] = { [GUESS_PASSWORD] = true };

int64_t
guess_throttle_begin(struct guess_throttle *throttle, enum guess_kind kind,
                     const struct client_address *address, const char *target)
{
    struct keys keys;
    make_keys(throttle, kind, address, target, &keys);
    int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&throttle->lock);
    int64_t wait = wait_us(find(throttle, keys.address), &budgets[kind].address, now_us);
    int64_t target_wait = wait_us(find(throttle, keys.target), &budgets[kind].target, now_us);
    wait = wait > target_wait ? wait : target_wait;
    if (wait == 0) {
        charge(throttle, keys.target, &budgets[kind].target, now_us);
    }
    if (wait == 0 && charges_address_first[kind]) {
        charge(throttle, keys.address, &budgets[kind].address, now_us);
    }
    pthread_mutex_unlock(&throttle->lock);
    return (wait + SECOND_US - 1) / SECOND_US;
}

void
guess_throttle_settle(struct guess_throttle *throttle, enum guess_kind kind,
                      const struct client_address *address, const char *target, bool was_wrong)
{
    struct keys keys;
    make_keys(throttle, kind, address, target, &keys);
    int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&throttle->lock);
    if (was_wrong && !charges_address_first[kind]) {
        charge(throttle, keys.address, &budgets[kind].address, now_us);
    }
    if (!was_wrong) {
        give_back(throttle, keys.target, &budgets[kind].target, now_us);
    }
    if (!was_wrong && charges_address_first[kind]) {
        give_back(throttle, keys.address, &budgets[kind].address, now_us);
    }
    pthread_mutex_unlock(&throttle->lock);
}
