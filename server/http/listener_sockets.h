/* What listener.c asks of the sockets that listener_bind() made. */
#ifndef SERVER_HTTP_LISTENER_SOCKETS_H
#define SERVER_HTTP_LISTENER_SOCKETS_H

#include <stdbool.h>

#define LISTENER_BACKLOG 4096 /* how many may wait to be accepted from one */

struct listener_socket_set;

/* How many sockets each loop accepts from. */
int listener_sockets_count(const struct listener_socket_set *set);

/* The one of that number (from 0) for the loop of that index. */
int listener_sockets_descriptor(const struct listener_socket_set *set, int number, int loop);

/* For a shutdown, once for each loop, from any thread: whether this loop is the last that accepts from its
 * sockets. Who waits there is its own to take in, then; a unix socket that we made is removed, so that nobody
 * else comes. Sockets that systemd gave are never ours alone: they go on without us. */
bool listener_sockets_leave(struct listener_socket_set *set);

/* Closes the loop's sockets, after listener_sockets_leave() said that it is the last. */
void listener_sockets_close(struct listener_socket_set *set, int loop);

#endif
