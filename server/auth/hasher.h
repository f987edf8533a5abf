/* Runs argon2 on threads of its own. Jobs wait in three bounded queues: proofs of tokens, proofs of
 * passwords, and creations, which are all new hashes. The two kinds of proofs take turns, so that a flood of
 * sign-ins never starves tokens, nor the other way round. A creation runs when no proof can, or after eight
 * proofs. Where two or more jobs may run at a time, one place is for tokens alone; and on a busy machine,
 * passwords and creations yield more to other work than tokens do. Each loop has a mailbox: the result of a
 * job that was submitted through it comes back through it, on the loop's thread. argon2's memory is
 * used again, and goes back to the kernel when no job has used it for a second. */
#ifndef SERVER_AUTH_HASHER_H
#define SERVER_AUTH_HASHER_H

#include "common/secret.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct hasher;
struct hasher_mailbox;

enum hasher_share { HASHER_TOKENS, HASHER_PASSWORDS, HASHER_CREATIONS, HASHER_SHARE_COUNT };

struct hasher_options {
    int parallel;       /* jobs that may run at a time, at least 1: each takes a core, and argon2's memory */
    size_t token_queue; /* jobs that may wait; a job that several submissions share counts once */
    size_t password_queue;
    size_t creation_queue;
};

enum hasher_outcome {
    HASHER_DROPPED, /* the mailbox was freed before argon2 began: nothing is known */
    HASHER_MATCH,   /* of hasher_verify(), as in secret.h */
    HASHER_MISMATCH,
    HASHER_MALFORMED,
    HASHER_HASHED, /* of hasher_hash() */
    HASHER_FAILED, /* of hasher_hash(): argon2 refused, for lack of memory */
    HASHER_OUTCOME_COUNT
};

struct hasher_result {
    enum hasher_outcome outcome;
    char encoded[SECRET_HASH_SIZE]; /* of HASHER_HASHED */
};

/* `result` lives until the callback returns. */
typedef void hasher_callback(const struct hasher_result *result, void *argument);

/* What to verify or to hash. Everything is copied when it is submitted, and wiped afterwards. */
struct hasher_job {
    enum hasher_share share;
    const char *secret;
    size_t length;
    const char *encoded;            /* hasher_verify(): the hash to compare with */
    const unsigned char *key;       /* hasher_verify(): 32 bytes, equal for equal secrets; or NULL */
    const struct secret_cost *cost; /* hasher_hash() */
    bool is_background;             /* no request waits for it: it may take half of the queue at most */
    hasher_callback *callback;
    void *argument;
};

/* Starts the threads. Never NULL. */
struct hasher *hasher_new(const struct hasher_options *options);
/* Joins the threads; free the mailboxes first. NULL is fine. */
void hasher_free(struct hasher *hasher);

struct hasher_mailbox *hasher_mailbox_new(struct hasher *hasher, struct event_base *base);
/* Ends the submissions whose job has not begun with HASHER_DROPPED, and waits for the jobs that run. A job
 * that another mailbox waits for, too, stays for that one. What callbacks submit meanwhile is refused. NULL
 * is fine. */
void hasher_mailbox_free(struct hasher_mailbox *mailbox);

/* Compares the secret with a hash. Jobs of an equal key and an equal hash that wait or run at the same time
 * share one run of argon2. False when the share's queue is full: then no callback comes. */
bool hasher_verify(struct hasher_mailbox *mailbox, const struct hasher_job *job);

/* Hashes the secret at a cost. False when the share's queue is full: then no callback comes. */
bool hasher_hash(struct hasher_mailbox *mailbox, const struct hasher_job *job);

/* Whether hasher_verify() of this key and hash would share a job that waits or runs already. */
bool hasher_is_under_way(struct hasher_mailbox *mailbox, enum hasher_share share, const unsigned char *key,
                         const char *encoded);

/* Whether the share's queue has room now; if not, this is counted as refused. Lets a caller refuse early,
 * before it spends a query on a secret that could not be checked. */
bool hasher_has_room(struct hasher_mailbox *mailbox, enum hasher_share share);

/* Counted since the start, except for `waiting`. */
struct hasher_stats {
    size_t waiting[HASHER_SHARE_COUNT];   /* jobs in the queue now */
    uint64_t refused[HASHER_SHARE_COUNT]; /* for lack of room in the queue */
    uint64_t begun[HASHER_SHARE_COUNT];
    uint64_t waited_us[HASHER_SHARE_COUNT]; /* by all that have begun, together */
    uint64_t done;
    uint64_t busy_us; /* by all that are done, together */
};

void hasher_read_stats(struct hasher *hasher, struct hasher_stats *ret_stats);

#endif
