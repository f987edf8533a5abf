/* What listener.c asks of the sockets that listener_bind() made. */
#ifndef SERVER_LISTENER_SOCKETS_H
#define SERVER_LISTENER_SOCKETS_H

#define LISTENER_BACKLOG 4096 /* how many may wait to be accepted from one */

struct listener_socket_set;

/* How many sockets each loop accepts from. */
int listener_sockets_count(const struct listener_socket_set *set);

/* The one of that number (from 0) for the loop of that index. */
int listener_sockets_descriptor(const struct listener_socket_set *set, int number, int loop);

/* The loop of that index accepts no more: closes the sockets that no loop accepts from now, and removes a
 * unix socket that we made. From any thread, once for a loop. */
void listener_sockets_close(struct listener_socket_set *set, int loop);

#endif
