/* Listening sockets: systemd's (socket activation) when there are any, else the configured address
 * (host:port, [v6]:port or unix:/path). TCP sockets are opened once per loop with SO_REUSEPORT, so that the
 * kernel spreads connections; others are shared by all loops. */
#ifndef SERVER_HTTP_LISTENER_H
#define SERVER_HTTP_LISTENER_H

#include "server/http/connection.h"

struct listener_socket_set;
struct listener;

/* Binds and listens, `loops` sockets for a TCP address. Returns 0, or -1 with one clear line ("cannot listen
 * on 127.0.0.1:8080: Address already in use") in `ret_error`. A stale unix socket is replaced, a live one is
 * not. */
int listener_bind(const char *address, int loops, struct listener_socket_set **ret_set, char *ret_error,
                  size_t error_size);

/* "127.0.0.1:41237": where it really listens (port 0 resolved), for the log's ready line. */
const char *listener_address(const struct listener_socket_set *set);

/* Closes the sockets and removes a unix socket that we made; NULL is fine. Free the listeners first. */
void listener_unbind(struct listener_socket_set *set);

/* Accepts on behalf of loop number `index` and hands connections to `pool`. Accepts at most 64 a turn. Out of
 * descriptors or memory: reaps idle connections, else pauses 100 ms, and logs it at most once a minute. */
struct listener *listener_new(struct event_base *base, struct listener_socket_set *set, int index,
                              struct connection_pool *pool);
/* For a shutdown, after connection_pool_drain(): accepts everybody who waits in sockets that no other loop
 * accepts from, closes those, and frees. Whoever was waiting would be cut off by a reset otherwise. When
 * descriptors run out, they are turned away (503). NULL is fine. */
void listener_close(struct listener *listener);
/* Stops accepting, leaves the sockets as they are; NULL is fine. */
void listener_free(struct listener *listener);

#endif
