/* Is this token alive right now? The requests of one turn of the loop are asked together, in batches of at
 * most 24 over two connections that carry nothing else. A question is always asked after the request arrived,
 * so a revocation that was acknowledged before is always seen. Expiry goes by PostgreSQL's clock. */
#ifndef SERVER_GATE_H
#define SERVER_GATE_H

#include "server/caller.h"

#define GATE_CONNECTIONS 2

struct event_base;
struct gate;

enum gate_status {
    GATE_KNOWN,      /* the caller tells whether the token lives */
    GATE_UNKNOWN,    /* there is no such token (any more) */
    GATE_UNAVAILABLE /* PostgreSQL did not answer: fail closed */
};

/* `caller` (NULL unless GATE_KNOWN) lives until the callback returns; caller_keep() it. */
typedef void gate_callback(enum gate_status status, struct caller *caller, void *argument);

/* `on_state` as in struct db_options, for each of its connections. */
struct gate *gate_new(struct event_base *base, const struct db_options *options);
/* Ends what is pending with GATE_UNAVAILABLE; NULL is fine. */
void gate_free(struct gate *gate);

/* Ends in exactly one callback, never from within this call. */
void gate_ask(struct gate *gate, int64_t token_id, gate_callback *callback, void *argument);

/* Whether PostgreSQL can be asked at all. */
bool gate_usable(const struct gate *gate);

#endif
