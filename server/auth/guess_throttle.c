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
#define WAIT_MAX_US (60 * SECOND_US)

#define NETWORKS 3 /* of an IPv6 address: /64, /56, /48; an IPv4 address has one */

/* Those of the table in the header. */
static const struct budgets {
    struct allowance networks[NETWORKS]; /* a burst of 0: the kind has none, and no reserve */
    struct allowance reserve;
    struct allowance target;
} budgets[GUESS_KIND_COUNT] = {
    [GUESS_PASSWORD] = { { { 20, 10 * SECOND_US }, { 40, 5 * SECOND_US }, { 80, 5 * SECOND_US / 2 } },
                         { 10, 30 * SECOND_US },
                         { 5, 60 * SECOND_US } },
    [GUESS_TOKEN] = { { { 60, SECOND_US }, { 120, SECOND_US / 2 }, { 240, SECOND_US / 4 } },
                      { 20, 2 * SECOND_US },
                      { 10, 10 * SECOND_US } },
    [GUESS_LEAK] = { { { 30, 2 * SECOND_US }, { 60, SECOND_US }, { 120, SECOND_US / 2 } },
                     { 1, 30 * SECOND_US },
                     { 5, 60 * SECOND_US } },
    [GUESS_INTROSPECTION] = { .target = { 10, 10 * SECOND_US } },
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

/* Tokens that are checked at the same time may overdraw the budget of their address. */
static void
charge(struct guess_throttle *throttle, const unsigned char key[SECRET_DIGEST_SIZE],
       const struct allowance *budget, int64_t now_us)
{
    struct bucket *bucket = find_or_make(throttle, key);
    int64_t whole_at_us = allowance_take(budget, bucket->whole_at_us, now_us);
    int64_t most_us = now_us + (budget->burst - 1) * budget->interval_us + WAIT_MAX_US;
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

/* The buckets of a guess. */
struct keys {
    size_t network_count;
    unsigned char networks[NETWORKS][SECRET_DIGEST_SIZE]; /* from the narrowest to the widest */
    unsigned char reserve[SECRET_DIGEST_SIZE];
    unsigned char target[SECRET_DIGEST_SIZE];
};

#define TARGET_MAX 255

/* `purpose` tells apart the budgets of the same network. `bytes`: of the address, the rest counts as 0. */
static void
make_key(const struct guess_throttle *throttle, const struct guess *guess, char purpose,
         const struct client_address *address, size_t bytes, unsigned char ret_key[SECRET_DIGEST_SIZE])
{
    char text[2 + 16 + TARGET_MAX] = { (char)('0' + guess->kind), purpose };
    memcpy(text + 2, address->bytes, bytes);
    size_t used = 2 + 16, length = purpose == 't' ? strnlen(guess->target, TARGET_MAX) : 0;
    for (size_t i = 0; i < length; i++) {
        char c = guess->target[i];
        bool is_upper = guess->kind == GUESS_PASSWORD && c >= 'A' && c <= 'Z';
        text[used++] = is_upper ? (char)(c - 'A' + 'a') : c;
    }
    secret_digest(text, used, throttle->secret, ret_key);
}

static void
make_keys(const struct guess_throttle *throttle, const struct guess *guess, struct keys *ret_keys)
{
    static const size_t bytes[NETWORKS] = { 8, 7, 6 };
    const struct client_address address = client_address_untranslated(guess->address);
    bool is_v4 = client_address_is_v4(&address);
    size_t count = is_v4 ? 1 : NETWORKS;
    ret_keys->network_count = budgets[guess->kind].networks[0].burst > 0 ? count : 0;
    for (size_t i = 0; i < count; i++) {
        make_key(throttle, guess, (char)('0' + i), &address, is_v4 ? 16 : bytes[i], ret_keys->networks[i]);
    }
    make_key(throttle, guess, 'r', &address, is_v4 ? 16 : bytes[NETWORKS - 1], ret_keys->reserve);
    make_key(throttle, guess, 't', &address, is_v4 ? 16 : bytes[0], ret_keys->target);
}

/* --- a guess --- */

/* Whether the address is charged before the guess is checked, or only for a wrong one. */
static const bool charges_address_first[GUESS_KIND_COUNT] = { [GUESS_PASSWORD] = true, [GUESS_LEAK] = true };

static int64_t
networks_wait_us(struct guess_throttle *throttle, const struct guess *guess, const struct keys *keys,
                 int64_t now_us)
{
    int64_t longest = 0;
    for (size_t i = 0; i < keys->network_count; i++) {
        const struct bucket *bucket = find(throttle, keys->networks[i]);
        int64_t wait = wait_us(bucket, &budgets[guess->kind].networks[i], now_us);
        longest = wait > longest ? wait : longest;
    }
    return longest;
}

/* Returns how long the guess must wait, and decides what it passes on. */
static int64_t
decide(struct guess_throttle *throttle, struct guess *guess, const struct keys *keys, int64_t now_us)
{
    const struct budgets *budget = &budgets[guess->kind];
    const struct bucket *target = find(throttle, keys->target);
    bool is_first_try = !target || target->whole_at_us <= now_us;
    int64_t wait = networks_wait_us(throttle, guess, keys, now_us);
    guess->on_reserve = false;
    if (wait > 0 && is_first_try) {
        int64_t reserve_wait = wait_us(find(throttle, keys->reserve), &budget->reserve, now_us);
        guess->on_reserve = reserve_wait < wait;
        wait = guess->on_reserve ? reserve_wait : wait;
    }
    int64_t target_wait = wait_us(target, &budget->target, now_us);
    return wait > target_wait ? wait : target_wait;
}

static void
charge_networks(struct guess_throttle *throttle, const struct guess *guess, const struct keys *keys,
                int64_t now_us)
{
    for (size_t i = 0; i < keys->network_count; i++) {
        charge(throttle, keys->networks[i], &budgets[guess->kind].networks[i], now_us);
    }
}

int64_t
guess_throttle_begin(struct guess_throttle *throttle, struct guess *guess)
{
    struct keys keys;
    make_keys(throttle, guess, &keys);
    int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&throttle->lock);
    int64_t wait = decide(throttle, guess, &keys, now_us);
    if (wait == 0) {
        charge(throttle, keys.target, &budgets[guess->kind].target, now_us);
    }
    if (wait == 0 && guess->on_reserve) {
        charge(throttle, keys.reserve, &budgets[guess->kind].reserve, now_us);
    } else if (wait == 0 && charges_address_first[guess->kind]) {
        charge_networks(throttle, guess, &keys, now_us);
    }
    pthread_mutex_unlock(&throttle->lock);
    return (wait + SECOND_US - 1) / SECOND_US;
}

static void
give_all_back(struct guess_throttle *throttle, const struct guess *guess, const struct keys *keys,
              int64_t now_us)
{
    const struct budgets *budget = &budgets[guess->kind];
    give_back(throttle, keys->target, &budget->target, now_us);
    if (guess->on_reserve) {
        give_back(throttle, keys->reserve, &budget->reserve, now_us);
    } else if (charges_address_first[guess->kind]) {
        for (size_t i = 0; i < keys->network_count; i++) {
            give_back(throttle, keys->networks[i], &budget->networks[i], now_us);
        }
    }
}

void
guess_throttle_settle(struct guess_throttle *throttle, const struct guess *guess, bool was_wrong)
{
    struct keys keys;
    make_keys(throttle, guess, &keys);
    int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&throttle->lock);
    if (!was_wrong) {
        give_all_back(throttle, guess, &keys, now_us);
    } else if (!guess->on_reserve && !charges_address_first[guess->kind]) {
        charge_networks(throttle, guess, &keys, now_us);
    }
    pthread_mutex_unlock(&throttle->lock);
}
