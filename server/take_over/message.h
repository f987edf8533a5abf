/* What a server and the one that is to follow it tell each other. The next process speaks first:
 *
 *     next                          running
 *     ASK (addresses)       →
 *                           ←       GIVE (sockets, verified results), or REFUSE (why)
 *     SERVING               →                when the next process answers requests
 *                           ←       DONE             and the running one stops accepting
 *
 * Each is one packet of fixed size. Only processes of one machine and one account talk to each other, so the
 * layout is that of the struct. Whoever gets nothing, or another thing, ends the connection. */
#ifndef SERVER_TAKE_OVER_MESSAGE_H
#define SERVER_TAKE_OVER_MESSAGE_H

#include "server/take_over/rendezvous.h"
#include <stdint.h>

/* Another number with each change of the struct or of what follows what. */
#define MESSAGE_VERSION 1

#define MESSAGE_SOCKETS_MAX     250
#define MESSAGE_DESCRIPTORS_MAX (MESSAGE_SOCKETS_MAX + 1) /* SCM_RIGHTS has room for 253 */

enum message_kind { MESSAGE_ASK = 1, MESSAGE_GIVE, MESSAGE_REFUSE, MESSAGE_SERVING, MESSAGE_DONE };

enum message_reason {
    MESSAGE_OTHER_VERSION = 1,
    MESSAGE_OTHER_ADDRESSES,
    MESSAGE_NOT_READY,
    MESSAGE_BUSY,
    MESSAGE_TOO_MANY_SOCKETS,
    MESSAGE_TOO_LATE,
};

struct message {
    /* These stay where they are in every version. */
    char magic[8];
    uint32_t version;
    uint32_t kind;
    uint32_t reason; /* REFUSE */
    /* ASK */
    unsigned char addresses[RENDEZVOUS_DIGEST_SIZE];
    /* GIVE: descriptors come in this order: listening sockets, those for metrics, the results */
    uint32_t loops; /* of the running process */
    uint32_t sockets, metrics_sockets, results;
    int32_t loop_of[MESSAGE_SOCKETS_MAX]; /* the only loop that accepts from the socket; -1: all */
};

struct message message_of(enum message_kind kind);

/* One sentence for a log. */
const char *message_reason_text(uint32_t reason);

/* Sends it with `count` descriptors, which stay the caller's. Returns 0, or -1 with errno. Does not block on
 * a socket that does not. */
int message_send(int fd, const struct message *message, const int *descriptors, int count);

enum message_outcome {
    MESSAGE_HERE,
    MESSAGE_NOT_YET, /* a socket that does not block has nothing */
    MESSAGE_ENDED,   /* the other process has closed the connection, or has ended */
    MESSAGE_STRANGE, /* not of this protocol */
    MESSAGE_FOREIGN  /* of another version: only version, kind and reason are set */
};

/* Receives one. The descriptors are the caller's to close: as many as *ret_count says, with MESSAGE_HERE
 * only. `descriptors` has room for MESSAGE_DESCRIPTORS_MAX; NULL: none are wanted. */
enum message_outcome message_receive(int fd, struct message *ret_message, int *descriptors, int *ret_count);

#endif
