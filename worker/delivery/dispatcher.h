/* Sends what is due, by the carriers (carrier.h), each of which has a thread with its own connection to
 * PostgreSQL, so that a slow receiver holds up no job, and a mail server no webhook. Each row is leased to
 * one worker for a time. A worker that is killed after a message left and before that is recorded leaves the
 * lease to end: the message is sent again, under the same id. */
#ifndef WORKER_DELIVERY_DISPATCHER_H
#define WORKER_DELIVERY_DISPATCHER_H

#include "common/config.h"
#include "worker/metrics.h"
#include "worker/stop.h"

struct dispatcher;

/* `config`, `metrics` and `stop` must outlive it. */
struct dispatcher *dispatcher_new(const struct config *config, struct metrics *metrics,
                                  const struct stop *stop);

/* Starts a thread for each carrier that is configured, unless they run already; for use when the worker is
 * connected, so that one of them alone says what is wrong with a database. A thread ends by itself once a
 * stop is requested. */
void dispatcher_start(struct dispatcher *dispatcher);

/* There may be something to send now. From any thread. */
void dispatcher_wake(struct dispatcher *dispatcher);

/* Takes nothing new, gives transfers that are under way 5 s to end, and ends the threads. NULL is fine. */
void dispatcher_free(struct dispatcher *dispatcher);

#endif
