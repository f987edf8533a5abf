/* Listening sockets: systemd's (socket activation) when there are any, else the configured address
 * (host:port, [v6]:port or unix:/path). A TCP address gets one socket per loop, by SO_REUSEPORT, so that the
 * kernel spreads connections; all loops share any other socket. */
#ifndef SERVER_HTTP_LISTENER_SOCKETS_H
#define SERVER_HTTP_LISTENER_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#define LISTENER_BACKLOG 4096 /* how many clients may wait to be accepted from one socket */

struct listener_sockets;

/* Binds and listens for `loops` loops. Returns 0, or -1 with one clear line ("cannot listen on
 * 127.0.0.1:8080: Address already in use") in `ret_error`. Replaces a stale unix socket, but not one that a
 * process still listens on. */
int listener_sockets_bind(const char *address, int loops, struct listener_sockets **ret_sockets,
                          char *ret_error, size_t error_size);

/* "127.0.0.1:41237": the real address (port 0 resolved), for the log's ready line. */
const char *listener_sockets_address(const struct listener_sockets *sockets);

/* Closes the sockets and removes a unix socket that we made; NULL is fine. Free the listeners first. */
void listener_sockets_unbind(struct listener_sockets *sockets);

/* --- for listener.c --- */

/* How many sockets each loop accepts from. */
int listener_sockets_count(const struct listener_sockets *sockets);

/* The descriptor of that number (from 0) for the loop of that index. */
int listener_sockets_descriptor(const struct listener_sockets *sockets, int number, int loop);

/* For a shutdown, once for each loop, from any thread: whether this loop is the last that accepts from its
 * sockets. It must then accept whatever is still queued; a unix socket that we made is removed, so that no
 * client connects any more. Never true for sockets that systemd gave us: they live on without us. */
bool listener_sockets_leave(struct listener_sockets *sockets);

/* Closes the loop's sockets, after listener_sockets_leave() has returned true. */
void listener_sockets_close(struct listener_sockets *sockets, int loop);

#endif
