#include "server/auth/guess_throttle.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/secret.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

/* The analyzer loses track of entries in the macros of uthash and utlist. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */

#define BUCKETS_MAX 20000
#define DEBT_MAX_MS (10 * 60 * 1000)

struct budget {
    int64_t burst;
    int64_t interval_ms; /* one more every so often */
};

static const struct {
    struct budget address;
    struct budget target;
} budgets[GUESS_KIND_COUNT] = {
    [GUESS_PASSWORD] = { { 20, 10 * 1000 }, { 5, 60 * 1000 } },
    [GUESS_TOKEN] = { { 60, 1000 }, { 10, 10 * 1000 } },
};

/* Generic cell rate: one instant says how much of the budget is spent. */
struct bucket {
    unsigned char key[SECRET_DIGEST_SIZE];
    int64_t spent_until_ms; /* at this instant it is full again */
    UT_hash_handle hh;
    struct bucket *prev, *next; /* the one touched longest ago first */
};

struct guess_throttle {
    pthread_mutex_t lock;
    unsigned char secret[32];
    struct bucket *buckets;
    struct bucket *order;
    size_t count;
};

struct guess_throttle *
guess_throttle_new(void)
{
    struct guess_throttle *throttle = memory_new(1, sizeof(*throttle));
    pthread_mutex_init(&throttle->lock, NULL);
    secret_random(throttle->secret, sizeof(throttle->secret));
    return throttle;
}

static void
drop(struct guess_throttle *throttle, struct bucket *bucket)
{
    HASH_DEL(throttle->buckets, bucket);
    DL_DELETE(throttle->order, bucket);
    throttle->count--;
    free(bucket);
}

void
guess_throttle_free(struct guess_throttle *throttle)
{
    if (!throttle) {
        return;
    }
    struct bucket *bucket, *next;
    DL_FOREACH_SAFE (throttle->order, bucket, next) {
        /* cppcheck-suppress uninitvar ; the macro sets it */
        drop(throttle, bucket);
    }
    pthread_mutex_destroy(&throttle->lock);
    free(throttle);
}

/* NULL when nothing is spent of it, as far as is known. */
static struct bucket *
find(struct guess_throttle *throttle, const unsigned char key[SECRET_DIGEST_SIZE])
{
    struct bucket *bucket;
    HASH_FIND(hh, throttle->buckets, key, SECRET_DIGEST_SIZE, bucket);
    if (bucket) {
        DL_DELETE(throttle->order, bucket);
        DL_APPEND(throttle->order, bucket);
    }
    return bucket;
}

/* Only a charge makes a bucket: who has nothing left to spend cannot push out those of others. */
static struct bucket *
find_or_make(struct guess_throttle *throttle, const unsigned char key[SECRET_DIGEST_SIZE])
{
    struct bucket *bucket = find(throttle, key);
    if (!bucket) {
        if (throttle->count == BUCKETS_MAX) {
            drop(throttle, throttle->order);
        }
        bucket = memory_new(1, sizeof(*bucket));
        memcpy(bucket->key, key, SECRET_DIGEST_SIZE);
        HASH_ADD(hh, throttle->buckets, key, SECRET_DIGEST_SIZE, bucket);
        DL_APPEND(throttle->order, bucket);
        throttle->count++;
    }
    return bucket;
}

/* How long until one more fits, 0 when it does now. */
static int64_t
wait_ms(const struct bucket *bucket, const struct budget *budget, int64_t now)
{
    int64_t spent = bucket && bucket->spent_until_ms > now ? bucket->spent_until_ms - now : 0;
    int64_t most = (budget->burst - 1) * budget->interval_ms;
    return spent > most ? spent - most : 0;
}

/* Tokens that were under way at once may overdraw the budget of their address. That is made up for later, but
 * not for ever. */
static void
charge(struct guess_throttle *throttle, const unsigned char key[SECRET_DIGEST_SIZE],
       const struct budget *budget, int64_t now)
{
    struct bucket *bucket = find_or_make(throttle, key);
    int64_t from = bucket->spent_until_ms > now ? bucket->spent_until_ms : now;
    int64_t until = from + budget->interval_ms;
    int64_t most = now + budget->burst * budget->interval_ms + DEBT_MAX_MS;
    bucket->spent_until_ms = until < most ? until : most;
}

/* What is full again takes no room. */
static void
give_back(struct guess_throttle *throttle, const unsigned char key[SECRET_DIGEST_SIZE],
          const struct budget *budget, int64_t now)
{
    struct bucket *bucket = find(throttle, key);
    if (!bucket) {
        return;
    }
    bucket->spent_until_ms -= budget->interval_ms;
    if (bucket->spent_until_ms <= now) {
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
    *at++ = '@'; /* so that no target's key is an address's */
    secret_digest(text, (size_t)(at - text), throttle->secret, ret_keys->target);
}

/* Whether a guess costs its address something before it is checked. */
static const bool charges_address[GUESS_KIND_COUNT] = { [GUESS_PASSWORD] = true };

int64_t
guess_begin(struct guess_throttle *throttle, enum guess_kind kind, const struct client_address *address,
            const char *target)
{
    struct keys keys;
    make_keys(throttle, kind, address, target, &keys);
    int64_t now = clock_monotonic_ms();
    pthread_mutex_lock(&throttle->lock);
    int64_t wait = wait_ms(find(throttle, keys.address), &budgets[kind].address, now);
    int64_t target_wait = wait_ms(find(throttle, keys.target), &budgets[kind].target, now);
    wait = wait > target_wait ? wait : target_wait;
    if (wait == 0) {
        charge(throttle, keys.target, &budgets[kind].target, now);
    }
    if (wait == 0 && charges_address[kind]) {
        charge(throttle, keys.address, &budgets[kind].address, now);
    }
    pthread_mutex_unlock(&throttle->lock);
    return (wait + 999) / 1000;
}

void
guess_failed(struct guess_throttle *throttle, enum guess_kind kind, const struct client_address *address,
             const char *target)
{
    struct keys keys;
    make_keys(throttle, kind, address, target, &keys);
    int64_t now = clock_monotonic_ms();
    pthread_mutex_lock(&throttle->lock);
    if (!charges_address[kind]) {
        charge(throttle, keys.address, &budgets[kind].address, now);
    }
    pthread_mutex_unlock(&throttle->lock);
}

void
guess_refund(struct guess_throttle *throttle, enum guess_kind kind, const struct client_address *address,
             const char *target)
{
    struct keys keys;
    make_keys(throttle, kind, address, target, &keys);
    int64_t now = clock_monotonic_ms();
    pthread_mutex_lock(&throttle->lock);
    give_back(throttle, keys.target, &budgets[kind].target, now);
    if (charges_address[kind]) {
        give_back(throttle, keys.address, &budgets[kind].address, now);
    }
    pthread_mutex_unlock(&throttle->lock);
}
/* NOLINTEND(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */
