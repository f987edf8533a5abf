/* Accepts connections on one loop and hands them to its pool. */
#ifndef SERVER_HTTP_LISTENER_H
#define SERVER_HTTP_LISTENER_H

#include "server/http/connection.h"
#include "server/http/listener_sockets.h"

struct listener;

/* Accepts from the sockets of loop number `index`, at most 64 connections a turn, for `pool`. When
 * descriptors or memory run out, it closes idle connections; if there are none, it turns clients away (503)
 * and pauses for 100 ms. It logs that at most once a minute. */
struct listener *listener_new(struct event_base *base, struct listener_sockets *sockets, int index,
                              struct connection_pool *pool);

/* For a shutdown, after connection_pool_drain(): accepts all clients that still wait in sockets that no other
 * loop accepts from (a reset would cut them off otherwise), closes those sockets, and frees the listener.
 * When descriptors run out, it turns the clients away (503). NULL is fine. */
void listener_close(struct listener *listener);

/* Stops accepting and leaves the sockets as they are; NULL is fine. */
void listener_free(struct listener *listener);

#endif
