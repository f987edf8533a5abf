/* Is this token alive right now? Whatever requests arrived in one turn of the loop are answered by one small
 * query, sent after they arrived: the epoch. Every change that can take a right away moves the epoch in its
 * own transaction, and notes there which tokens it was about. While the epoch is the one that is known here,
 * so are the states that were read; when it has moved, what was noted since is read first, and forgets those
 * that changed. What is not known is read, in batches. No request is ever decided on a state older than its
 * own arrival: a revocation that was acknowledged before it began is always seen. Expiry goes by PostgreSQL's
 * clock. The gate's connections carry nothing else. */
#ifndef SERVER_AUTH_GATE_H
#define SERVER_AUTH_GATE_H

#include "server/auth/caller.h"

#define GATE_CONNECTIONS 2

struct event_base;
struct gate;
struct metrics;

enum gate_status {
    GATE_ALIVE,
    GATE_EXPIRED,
    GATE_ENDED,      /* in another way, or there is no such token */
    GATE_UNAVAILABLE /* PostgreSQL did not answer: fail closed */
};

/* `caller` (NULL unless GATE_ALIVE or GATE_EXPIRED) lives until the callback returns; caller_keep() it. */
typedef void gate_callback(enum gate_status status, struct caller *caller, void *argument);

/* Belongs to whoever asks, and to the gate until its callback. */
struct gate_question {
    struct gate_question *next;
    int64_t token_id;
    gate_callback *callback;
    void *argument;
};

/* `capacity`: states kept at most. `on_state` as in struct db_options, for each of its connections. `metrics`
 * are the loop's. */
struct gate *gate_new(struct event_base *base, const struct db_options *options, size_t capacity,
                      struct metrics *metrics);
/* Ends what is pending with GATE_UNAVAILABLE; NULL is fine. */
void gate_free(struct gate *gate);

/* Ends in exactly one callback, never from within this call. Set the question's token_id, callback and
 * argument. */
void gate_ask(struct gate *gate, struct gate_question *question);

/* Whether PostgreSQL can be asked at all. */
bool gate_usable(const struct gate *gate);
/* How many of its connections can be used. */
size_t gate_usable_count(const struct gate *gate);

#endif
