/* The server that listens on this process's addresses already: this process takes them over from it. Until
 * this process has said that it serves, nothing changes for the predecessor, and it goes on if this process
 * ends. */
#ifndef SERVER_TAKE_OVER_PREDECESSOR_H
#define SERVER_TAKE_OVER_PREDECESSOR_H

#include "server/http/listener_sockets.h"
#include "server/take_over/message.h"

struct event_base;
struct predecessor;

/* What it gives; the receiver closes the descriptors. */
struct predecessor_gifts {
    struct listener_socket sockets[MESSAGE_SOCKETS_MAX]; /* those for metrics follow the others */
    int count, metrics_count;
    int loops;   /* of the predecessor */
    int results; /* for hand_over_take(); -1 if it gives none */
};

/* Asks the server that waits at the rendezvous, for 5 s at most. Returns NULL when there is none, or, after
 * logging why, when it gives nothing; then this process may try to bind the addresses itself. `rendezvous`
 * may be NULL. */
struct predecessor *predecessor_ask(const struct rendezvous *rendezvous, struct predecessor_gifts *ret_gifts);
/* NULL is fine. Free it after the loops have ended. */
void predecessor_free(struct predecessor *predecessor);

/* Each is called once at most, by the loop of predecessor_watch(). */
struct predecessor_events {
    void (*on_gone)(void *argument);  /* it accepts no more, or has ended: the sockets are this process's */
    void (*on_stays)(void *argument); /* this process did not serve in time (30 s) and must end; logged */
    void *argument;
};

/* Waits for its end on a loop that does not run yet; `events` are copied. */
void predecessor_watch(struct predecessor *predecessor, struct event_base *base,
                       const struct predecessor_events *events);

/* Tells it that this process serves. Callable from any thread; NULL is fine, and so is a second call. */
void predecessor_relieve(struct predecessor *predecessor);

/* Whether it serves and has not been told that this process does. Callable from any thread; NULL: false. */
bool predecessor_serves(const struct predecessor *predecessor);

#endif
