/* The gate decides whether a token is valid right now. All requests of one loop turn share one small query,
 * sent after the last of them arrived: it reads the epoch.
 *
 * Every change that can take a right away moves the epoch in its own transaction, and records there which
 * tokens it concerns. While the epoch is the one that the gate knows, the states that it has read still hold.
 * When the epoch has moved, the gate first reads the changes recorded since, and forgets the states of those
 * tokens. States that it does not have are read in batches.
 *
 * So no request is decided on a state older than its own arrival: a revocation that was acknowledged before a
 * request began is always seen. Expiry goes by PostgreSQL's clock, and by the latest time that it told if it
 * was set back. The gate's connections carry nothing else but the look at the schema that each connection
 * takes every 10 s. */
#ifndef SERVER_AUTH_GATE_H
#define SERVER_AUTH_GATE_H

#include "server/auth/caller.h"
#include <sys/queue.h>

#define GATE_CONNECTIONS 2

struct event_base;
struct gate;
struct metrics;

enum gate_status {
    GATE_ALIVE,
    GATE_EXPIRED,
    GATE_ENDED,      /* for another reason than its expiry, or there is no such token */
    GATE_UNAVAILABLE /* PostgreSQL did not answer: fail closed */
};

/* `caller` (NULL unless GATE_ALIVE or GATE_EXPIRED) lives until the callback returns; caller_keep() it. */
typedef void gate_callback(enum gate_status status, struct caller *caller, void *argument);

/* Owned by the asking code, which must keep it in place until the callback. */
struct gate_question {
    STAILQ_ENTRY(gate_question) in_list;
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
