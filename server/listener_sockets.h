/* What listener.c asks of the sockets that listener_bind() made. */
#ifndef SERVER_LISTENER_SOCKETS_H
#define SERVER_LISTENER_SOCKETS_H

struct listener_socket_set;

/* How many sockets each loop accepts from. */
int listener_sockets_count(const struct listener_socket_set *set);

/* The one of that number (from 0) for the loop of that index. */
int listener_sockets_descriptor(const struct listener_socket_set *set, int number, int loop);

#endif
