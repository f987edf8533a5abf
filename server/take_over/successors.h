/* The process that is to follow this one: a server that was started on the same addresses while this one
 * serves them. It gets the listening sockets and what argon2 has proven. When it says that it serves, this
 * process stops accepting and ends; when it ends before, this one goes on as if nothing had happened. */
#ifndef SERVER_TAKE_OVER_SUCCESSORS_H
#define SERVER_TAKE_OVER_SUCCESSORS_H

#include "server/take_over/rendezvous.h"

struct event_base;
struct listener_sockets;
struct successors;
struct verified;

struct successors_options {
    struct rendezvous *rendezvous;
    const struct listener_sockets *sockets;
    const struct listener_sockets *metrics_sockets; /* may be NULL */
    struct verified *verified;
    int loops; /* of this process */
    /* A successor serves, and accepts from the same sockets. Called once at most, on the loop. */
    void (*on_relieved)(void *argument);
    void *argument;
};

/* `options` are copied; what they point to must live until successors_free(). */
struct successors *successors_new(struct event_base *base, const struct successors_options *options);
/* Free it after the loops have ended; NULL is fine. */
void successors_free(struct successors *successors);

/* Waits for successors at the rendezvous. If that is not possible, the log says so, and there will be none.
 */
void successors_await(struct successors *successors);

/* This process is ready. Before, it has nothing to give, and refuses. Callable from any thread; NULL is fine.
 */
void successors_permit(struct successors *successors);

/* This process ends: waits for no successor any more. Returns whether one has the sockets already. NULL:
 * false. */
bool successors_dismiss(struct successors *successors);

#endif
