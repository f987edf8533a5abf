/* The structs of a connection and the calls between its files; only connection*.c include this.
 *
 * connection.c        the states: a step, a time-out and a deadline for each
 * connection_pool.c   lists, deadlines, deferred work, reusable memory
 * connection_io.c     the socket: receiving into the input, sending at once or when it can take more
 * connection_reply.c  the bytes of an answer */
#ifndef SERVER_HTTP_CONNECTION_PRIVATE_H
#define SERVER_HTTP_CONNECTION_PRIVATE_H

#include "common/retry.h"
#include "server/http/body.h"
#include "server/http/connection.h"
#include "server/http/date.h"
#include <netinet/in.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

struct event;

#define CONNECTION_SKIP_MAX                                                                                  \
    (64 * 1024)                    /* how much we read of an unwanted body, and after our last answer        \
                                    */
#define CONNECTION_INPUT_ROOM 2048 /* at least this much room follows a head */
#define CONNECTION_INPUT_MAX  (HTTP_HEAD_MAX + CONNECTION_INPUT_ROOM)

enum connection_state {
    CONNECTION_IDLE,      /* between requests */
    CONNECTION_HEAD,      /* some of a head is here */
    CONNECTION_HANDLING,  /* the owner has the request */
    CONNECTION_BODY,      /* the owner waits for the body */
    CONNECTION_SENDING,   /* answered; the socket has not taken all of it yet */
    CONNECTION_STREAMING, /* the answer is a stream, and not over */
    CONNECTION_SKIPPING,  /* answered; the rest of an unwanted body is still arriving */
    CONNECTION_LINGERING  /* shut for sending; waits for the client to close (RFC 9112 §9.6) */
};

/* Received bytes: those up to `used` are processed, those from there up to `filled` are not. During a request
 * the head stays at the front, because slices point into it. An idle connection has no input. */
struct connection_input {
    STAILQ_ENTRY(connection_input) entry; /* in the pool's cache */
    size_t capacity, used, filled;
    size_t scanned;     /* of http_head_scan() */
    size_t head_length; /* 0 until the head is whole */
    struct http_head head;
    char bytes[];
};

TAILQ_HEAD(connection_list, connection);

/* One request and its answer. Written by connection.c and connection_reply.c. */
struct connection_exchange {
    void *request;     /* the owner's */
    bool has_request;  /* from on_head or on_refused to on_finished */
    bool refused;      /* by on_refused: there is no head */
    bool head_only;    /* the answer has no body */
    bool client_stays; /* the client asked to keep the connection open */
    bool continue_due; /* the client may be waiting for 100 Continue */
    bool overdue;      /* on_deadline or on_body has reported that the time is over */
    bool keep;         /* the connection stays open after this answer; decided with the answer */
};

/* The socket, and the output that it has not taken yet. Written by connection_io.c. */
struct connection_socket {
    evutil_socket_t fd;
    struct event *readable;
    struct event *writable; /* NULL until it is needed */
    bool paused;            /* not reading: there is no room */
    bool ended;             /* the client will send no more */
    bool gone;              /* the client will not receive any more either */
    char *output;           /* NULL when the socket has taken everything */
    size_t output_sent, output_length;
    struct http_slice constant; /* what follows the output, not copied; only while there is output */
};

/* An answer that is a stream. */
struct connection_stream {
    void (*on_end)(void *argument); /* NULL: there is none */
    void *argument;
    bool is_over;     /* its owner has ended it */
    bool is_too_full; /* the client takes too little */
};

struct connection {
    struct connection_pool *pool;
    TAILQ_ENTRY(connection) entry;       /* in `list`, except while a step runs */
    TAILQ_ENTRY(connection) ready_entry; /* in the pool's `ready`, if is_ready */
    struct connection_list *list;
    bool is_ready;
    bool is_fresh;      /* has had no request yet */
    bool blank_skipped; /* the one empty line that may precede a request (RFC 9112 §2.2) has come */
    enum connection_state state;
    int timed_state; /* the state whose time began at since_ms; -1: begin a new time */
    int64_t since_ms, deadline_ms;
    struct connection_socket socket;
    struct connection_input *input;
    struct connection_exchange exchange;
    struct http_body body;
    size_t lingered; /* bytes received since it lingers, or streams */
    struct connection_stream stream;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer;
};

/* Each slot holds the deadlines of one second, so that filing one takes constant time. The longest deadline
 * is fewer seconds away than there are slots. */
#define CONNECTION_POOL_SLOTS 128

struct connection_pool {
    struct event_base *base;
    struct connection_events events;
    size_t capacity, count, busy;
    bool draining;
    struct connection_list idle;      /* ordered by deadline */
    struct connection_list lingering; /* ordered by deadline */
    struct connection_list overdue;   /* without a deadline */
    struct connection_list streaming; /* the same: nothing waits for the client */
    struct connection_list slots[CONNECTION_POOL_SLOTS];
    int64_t swept_s;
    struct event *sweep;
    struct connection_list ready;
    size_t ready_count;
    struct event *deferred;
    bool in_deferred;
    struct connection *advancing;
    STAILQ_HEAD(connection_cache, connection_input) cache;
    size_t cached;
    struct http_date date;
    uint64_t evicted;
    struct retry_log eviction_log;
    char *busy_answer; /* of connection_turn_away(); made beforehand, because memory may be short by then */
};

/* --- connection.c --- */

/* Runs steps until the connection has to wait; may free it. */
void connection_advance(struct connection *connection);
/* Acts on a passed deadline; may free the connection. */
void connection_expire(struct connection *connection);
/* Whether it waits for its client to send the rest of a request, or to take the rest of an answer. */
bool connection_is_unfinished(const struct connection *connection);
/* Answers a client that is still sending a request with 503 and that detail, and closes any other unfinished
 * connection; may free it. */
void connection_give_up(struct connection *connection, const char *detail);
/* Frees it at once; a request without an answer gets on_finished (not sent). */
void connection_free(struct connection *connection);

/* --- connection_pool.c --- */

/* Puts the connection into the list of its deadline, or takes it out. */
void connection_pool_file(struct connection *connection);
void connection_pool_unfile(struct connection *connection);
/* Has the loop call connection_advance() soon; connection_pool_forget() takes that back. */
void connection_pool_defer(struct connection *connection);
void connection_pool_forget(struct connection *connection);
/* Expires the connections whose deadline has passed; the timer calls it once a second. */
void connection_pool_sweep(struct connection_pool *pool);
struct connection_input *connection_pool_take_input(struct connection_pool *pool);
/* The caller has wiped the input. */
void connection_pool_give_input(struct connection_pool *pool, struct connection_input *input);

/* --- connection_io.c --- */

/* Whether the client has sent bytes that are not processed yet. */
bool connection_io_has_arrived(const struct connection *connection);
void connection_io_start(struct connection *connection, evutil_socket_t fd);
/* Closes the socket, and wipes and frees input and output. */
void connection_io_end(struct connection *connection);
/* Sends; keeps a copy of the bytes that the socket does not take now. A last part that is constant lives as
 * long as the program, so it is not copied; no other call follows before it is sent. */
void connection_io_send(struct connection *connection, const struct iovec *parts, int count,
                        bool last_is_constant);
/* Resumes reading if there is room again. */
void connection_io_resume(struct connection *connection);
/* Makes room for `size` bytes of input in all, at most CONNECTION_INPUT_MAX. Moves the input, so it must not
 * be called while a head is in use. */
void connection_io_grow(struct connection *connection, size_t size);
/* Drops the processed bytes, including the head. */
void connection_io_consume(struct connection *connection);
/* Drops the processed and the other bytes that have arrived. */
void connection_io_drop_input(struct connection *connection);
/* Bounds what the kernel holds for a client that reads nothing, and has it notice a client that has gone. */
void connection_io_begin_stream(struct connection *connection);
/* Shuts the socket for sending, and drops the input. */
void connection_io_shut(struct connection *connection);

/* --- connection_reply.c --- */

/* The whole answer to a client that there is no room for; the caller frees it. */
char *connection_reply_write_busy(void);

#endif
