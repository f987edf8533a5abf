/* The bytes of bodies that one loop holds or waits for, and on whose behalf. The loop as a whole and each
 * client (an account, or without one an address or IPv6 /64) have a bound. Beyond it, the oldest body that is
 * still arriving goes: the client's own, or that of the client who holds most. So a client that leaves bodies
 * unfinished hinders itself, and not those whose bodies come.
 *
 * A body that is arriving counts with the bytes that it may have, and those that the request itself takes; a
 * whole one with its bytes. Belongs to the thread of the loop. */
#ifndef SERVER_AUTH_BODY_ROOM_H
#define SERVER_AUTH_BODY_ROOM_H

#include "server/http/client_address.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define BODY_ROOM_REQUEST ((size_t)8 * 1024) /* what a request takes that waits for its body */

struct body_room;
struct body_client;

/* The part of one request. Zeroed at first; it must stay where it is until body_room_give(). */
struct body_hold {
    TAILQ_ENTRY(body_hold) in_client;
    struct body_client *client; /* NULL: holds nothing */
    size_t bytes;
    bool is_arriving;
};

enum body_outcome {
    BODY_ROOM_FITS,
    BODY_ROOM_CLIENT_FULL, /* the client's bound is exceeded */
    BODY_ROOM_LOOP_FULL    /* the loop's bound is exceeded */
};

/* `each`: for one client, unless it holds a single body. */
struct body_room *body_room_new(size_t loop, size_t each);
/* NULL is fine. Holds that are not given back must not be used any more. */
void body_room_free(struct body_room *room);

/* Begins to wait for a body of at most `bytes`. `user_id`: the account, or 0 when there is none. Call
 * body_room_check() afterwards. */
void body_room_take(struct body_room *room, struct body_hold *hold, int64_t user_id,
                    const struct client_address *address, size_t bytes);

/* Whether the bounds hold, with regard to the client that took last. If not, *ret_victim is the request to
 * dismiss: give it back, and check again. It may be the one that was taken last. */
enum body_outcome body_room_check(struct body_room *room, struct body_hold **ret_victim);

/* The body is whole and has `bytes`. */
void body_room_arrived(struct body_room *room, struct body_hold *hold, size_t bytes);

/* The body is no longer held. A hold that holds nothing is fine. */
void body_room_give(struct body_room *room, struct body_hold *hold);

#endif
