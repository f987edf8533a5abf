/* From the server before this one, and to the next: when each of them accepts, and which of them ends. Does
 * nothing for a server without a rendezvous. */
#ifndef SERVER_SUCCESSION_H
#define SERVER_SUCCESSION_H

#include <stdbool.h>

struct server;

/* For the first loop, before the loops run: waits for the end of the server whose sockets this one has taken,
 * and then for the next server. */
void succession_begin(struct server *server);

/* Whether another server serves on the same sockets, so that this one need not accept before it can answer.
 * Callable from any thread. */
bool succession_is_awaited(const struct server *server);

/* This server is ready: the one before may end. Callable from any thread. */
void succession_ready(struct server *server);

/* This server is going to end by itself. Call it on the first loop, before the loops are stopped. */
void succession_stopping(struct server *server);

/* After the loops have ended, before they are cleared. */
void succession_end(struct server *server);

#endif
