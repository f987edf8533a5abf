#include "server/sign_in_throttle.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/secret.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#define BUCKETS_MAX 20000

struct budget {
    int64_t burst;
    int64_t interval_ms; /* one more every so often */
};

static const struct budget address_budget = { 20, 10 * 1000 };
static const struct budget account_budget = { 5, 60 * 1000 };

/* Generic cell rate: one instant says how much of the budget is spent. */
struct bucket {
    unsigned char key[SECRET_DIGEST_SIZE];
    int64_t spent_until_ms; /* at this instant it is full again */
    UT_hash_handle hh;
    struct bucket *prev, *next; /* the one touched longest ago first */
};

struct sign_in_throttle {
    pthread_mutex_t lock;
    unsigned char secret[32];
    struct bucket *buckets;
    struct bucket *order;
    size_t count;
};

struct sign_in_throttle *
sign_in_throttle_new(void)
{
    struct sign_in_throttle *throttle = memory_new(1, sizeof(*throttle));
    pthread_mutex_init(&throttle->lock, NULL);
    secret_random(throttle->secret, sizeof(throttle->secret));
    return throttle;
}

static void
drop(struct sign_in_throttle *throttle, struct bucket *bucket)
{
    /* The analyzer does not see that uthash forgets it here. */
    HASH_DEL(throttle->buckets, bucket); /* NOLINT(clang-analyzer-unix.Malloc) */
    DL_DELETE(throttle->order, bucket);
    throttle->count--;
    free(bucket);
}

void
sign_in_throttle_free(struct sign_in_throttle *throttle)
{
    if (!throttle) {
        return;
    }
    struct bucket *bucket, *next;
    HASH_ITER (hh, throttle->buckets, bucket, next) {
        drop(throttle, bucket);
    }
    pthread_mutex_destroy(&throttle->lock);
    free(throttle);
}

static struct bucket *
touch(struct sign_in_throttle *throttle, const unsigned char key[SECRET_DIGEST_SIZE])
{
    struct bucket *bucket;
    HASH_FIND(hh, throttle->buckets, key, SECRET_DIGEST_SIZE, bucket);
    if (bucket) {
        DL_DELETE(throttle->order, bucket);
    } else {
        if (throttle->count == BUCKETS_MAX) {
            drop(throttle, throttle->order);
        }
        bucket = memory_new(1, sizeof(*bucket));
        memcpy(bucket->key, key, SECRET_DIGEST_SIZE);
        HASH_ADD(hh, throttle->buckets, key, SECRET_DIGEST_SIZE, bucket);
        throttle->count++;
    }
    DL_APPEND(throttle->order, bucket);
    return bucket;
}

/* How long until one more fits, 0 when it does now. */
static int64_t
wait_ms(const struct bucket *bucket, const struct budget *budget, int64_t now)
{
    int64_t spent = bucket->spent_until_ms > now ? bucket->spent_until_ms - now : 0;
    int64_t most = (budget->burst - 1) * budget->interval_ms;
    return spent > most ? spent - most : 0;
}

static void
charge(struct bucket *bucket, const struct budget *budget, int64_t now)
{
    int64_t from = bucket->spent_until_ms > now ? bucket->spent_until_ms : now;
    bucket->spent_until_ms = from + budget->interval_ms;
}

/* The two buckets of a try. */
struct keys {
    unsigned char address[SECRET_DIGEST_SIZE];
    unsigned char account[SECRET_DIGEST_SIZE];
};

static void
make_keys(const struct sign_in_throttle *throttle, const struct client_address *address, const char *email,
          struct keys *ret_keys)
{
    static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };
    char text[16 + 256] = { 0 };
    memcpy(text, address->bytes, memcmp(address->bytes, mapped, sizeof(mapped)) == 0 ? 16 : 8);
    secret_digest(text, 16, throttle->secret, ret_keys->address);
    size_t length = strnlen(email, 255);
    for (size_t i = 0; i < length; i++) {
        text[16 + i] = email[i] >= 'A' && email[i] <= 'Z' ? (char)(email[i] - 'A' + 'a') : email[i];
    }
    text[16 + length] = '@'; /* so that no account's key is an address's */
    secret_digest(text, 16 + length + 1, throttle->secret, ret_keys->account);
}

struct sign_in_decision
sign_in_allowed(struct sign_in_throttle *throttle, const struct client_address *address, const char *email)
{
    struct keys keys;
    struct sign_in_decision decision = { true, 0 };
    make_keys(throttle, address, email, &keys);
    int64_t now = clock_monotonic_ms();
    pthread_mutex_lock(&throttle->lock);
    struct bucket *by_address = touch(throttle, keys.address), *by_account = touch(throttle, keys.account);
    int64_t wait = wait_ms(by_address, &address_budget, now);
    int64_t account_wait = wait_ms(by_account, &account_budget, now);
    wait = wait > account_wait ? wait : account_wait;
    if (wait > 0) {
        decision = (struct sign_in_decision){ false, (wait + 999) / 1000 };
    } else {
        charge(by_address, &address_budget, now);
        charge(by_account, &account_budget, now);
    }
    pthread_mutex_unlock(&throttle->lock);
    return decision;
}

void
sign_in_refund(struct sign_in_throttle *throttle, const struct client_address *address, const char *email)
{
    struct keys keys;
    make_keys(throttle, address, email, &keys);
    pthread_mutex_lock(&throttle->lock);
    touch(throttle, keys.address)->spent_until_ms -= address_budget.interval_ms;
    touch(throttle, keys.account)->spent_until_ms -= account_budget.interval_ms;
    pthread_mutex_unlock(&throttle->lock);
}
