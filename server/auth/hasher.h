/* Argon2 on threads of its own, behind bounded queues: one for tokens, one for passwords, served in turn, so
 * that a flood of sign-ins never starves the tokens nor the other way round. Where two or more may run at a
 * time, passwords never hold all the places; and they leave more of a busy machine to others than tokens do.
 * Each loop has a mailbox; what was asked through it is answered through it, on the loop's thread. */
#ifndef SERVER_AUTH_HASHER_H
#define SERVER_AUTH_HASHER_H

#include "common/secret.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct hasher;
struct hasher_mailbox;

enum hasher_share { HASHER_TOKENS, HASHER_PASSWORDS, HASHER_SHARE_COUNT };

struct hasher_options {
    int parallel; /* how many may run at a time, 1 at least: no more than cores, and argon2's memory each */
    size_t token_queue; /* waiting jobs at most, of each share; whoever waits for the same is one */
    size_t password_queue;
};

struct hasher_result {
    enum secret_result result;      /* of hasher_verify() */
    bool failed;                    /* hasher_hash(): argon2 refused (no memory) */
    bool dropped;                   /* the mailbox was freed before argon2 began: nothing is known */
    char encoded[SECRET_HASH_SIZE]; /* of hasher_hash() */
};

/* `result` lives until the callback returns. */
typedef void hasher_callback(const struct hasher_result *result, void *argument);

/* Starts the threads. Never NULL. */
struct hasher *hasher_new(const struct hasher_options *options);
/* Joins the threads; free the mailboxes first. NULL is fine. */
void hasher_free(struct hasher *hasher);

struct hasher_mailbox *hasher_mailbox_new(struct hasher *hasher, struct event_base *base);
/* Whoever waits here for a job that has not begun is told that it was dropped; the job stays for those of
 * other mailboxes. Jobs that run are waited for. What callbacks ask meanwhile is refused. NULL is fine. */
void hasher_mailbox_free(struct hasher_mailbox *mailbox);

/* Compares `secret` with the hash `encoded`. Jobs of an equal `key` (32 bytes, or NULL) and an equal hash
 * that wait or run at the same time cost one argon2. Everything is copied, and wiped afterwards. False when
 * the share's queue is full: then no callback comes. */
bool hasher_verify(struct hasher_mailbox *mailbox, enum hasher_share share, const unsigned char *key,
                   const char *encoded, const char *secret, size_t length, hasher_callback *callback,
                   void *argument);

/* Whether hasher_verify() with these would cost no argon2 of its own, because one waits or runs already. */
bool hasher_is_under_way(struct hasher_mailbox *mailbox, enum hasher_share share, const unsigned char *key,
                         const char *encoded);

/* Whether the share's queue has room now; when not, that is counted as refused. For who would rather refuse
 * before anything is spent on what could not be checked anyway. */
bool hasher_has_room(struct hasher_mailbox *mailbox, enum hasher_share share);

/* Hashes `secret` at `cost`; as above. */
bool hasher_hash(struct hasher_mailbox *mailbox, enum hasher_share share, const char *secret, size_t length,
                 const struct secret_cost *cost, hasher_callback *callback, void *argument);

/* What the threads have done since the start, and what waits now. */
struct hasher_stats {
    size_t waiting[HASHER_SHARE_COUNT];
    uint64_t refused[HASHER_SHARE_COUNT]; /* the queue was full */
    uint64_t begun[HASHER_SHARE_COUNT];
    uint64_t waited_us[HASHER_SHARE_COUNT]; /* the sum of how long those had waited */
    uint64_t done;
    uint64_t busy_us; /* the sum of what the jobs took */
};

void hasher_read_stats(struct hasher *hasher, struct hasher_stats *ret_stats);

#endif
