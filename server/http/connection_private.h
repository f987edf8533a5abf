/* What the files connection*.c share and nobody else includes: the structs, and the few calls between the
 * files.
 *
 * connection.c        the states, and what each step of one does
 * connection_pool.c   lists, deadlines, deferred work, reusable memory
 * connection_io.c     the socket: receiving into the input, sending at once or when it can take more
 * connection_reply.c  the bytes of an answer */
#ifndef SERVER_HTTP_CONNECTION_PRIVATE_H
#define SERVER_HTTP_CONNECTION_PRIVATE_H

#include "server/http/body.h"
#include "server/http/connection.h"
#include "server/http/date.h"
#include <netinet/in.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

struct event;

#define CONNECTION_SKIP_MAX   (64 * 1024) /* of an unwanted body, and of what comes after our last word */
#define CONNECTION_INPUT_ROOM 2048        /* there is at least this much behind a head */
#define CONNECTION_INPUT_MAX  (HTTP_HEAD_MAX + CONNECTION_INPUT_ROOM)

enum connection_state {
    CONNECTION_IDLE,     /* between requests */
    CONNECTION_HEAD,     /* some of a head is here */
    CONNECTION_HANDLING, /* the owner has the request */
    CONNECTION_BODY,     /* the owner waits for the body */
    CONNECTION_SENDING,  /* answered; the socket takes the rest */
    CONNECTION_SKIPPING, /* answered; the unwanted body still comes */
    CONNECTION_LINGERING /* we have said our last word, and wait for the client to close (RFC 9112 §9.6) */
};

/* What has been received and not been dealt with: `bytes` up to `filled`, of which `used` are done. During a
 * request the head stays at the front, for its slices. An idle connection has none. */
struct connection_input {
    STAILQ_ENTRY(connection_input) entry; /* in the pool's cache */
    size_t capacity, used, filled;
    size_t scanned;     /* by http_head_scan() */
    size_t head_length; /* 0 before the head is whole */
    struct http_head head;
    char bytes[];
};

TAILQ_HEAD(connection_list, connection);

/* One request and its answer; connection.c and connection_reply.c write it. */
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

/* The socket, and what it has not taken yet; connection_io.c writes it. */
struct connection_socket {
    evutil_socket_t fd;
    struct event *readable;
    struct event *writable; /* NULL until it is needed */
    bool paused;            /* not reading: there is no room */
    bool ended;             /* the client will send no more */
    bool gone;              /* nor take any */
    char *output;           /* what the socket did not take at once */
    size_t output_sent, output_length;
};

struct connection {
    struct connection_pool *pool;
    TAILQ_ENTRY(connection) entry;       /* in `list`, but while a step runs */
    TAILQ_ENTRY(connection) ready_entry; /* in the pool's `ready`, if is_ready */
    struct connection_list *list;
    bool is_ready;
    bool is_fresh;      /* had no request so far */
    bool blank_skipped; /* one empty line before a request is allowed (RFC 9112 §2.2) */
    enum connection_state state;
    int timed_state; /* the state that since_ms belongs to; -1: the time begins anew */
    int64_t since_ms, deadline_ms;
    struct connection_socket socket;
    struct connection_input *input;
    struct connection_exchange exchange;
    struct http_body body;
    size_t lingered; /* bytes received after our last word */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer;
};

/* One second each, so that a deadline costs the same whenever it is; more of them than the longest has
 * seconds. */
#define CONNECTION_POOL_SLOTS 128

struct connection_pool {
    struct event_base *base;
    struct connection_events events;
    size_t capacity, count, busy;
    bool draining;
    struct connection_list idle; /* longest first, as is the next */
    struct connection_list lingering;
    struct connection_list overdue; /* without a deadline */
    struct connection_list slots[CONNECTION_POOL_SLOTS];
    int64_t swept_s;
    struct event *sweep;
    struct connection_list ready;
    size_t ready_count;
    struct event *deferred;
    bool in_deferred;
    struct connection *advancing;
    STAILQ_HEAD(, connection_input) cache;
    size_t cached;
    struct http_date date;
    char *busy_answer; /* of connection_turn_away(), ready because it is sent when memory may be short */
};

/* --- connection.c --- */

/* Goes on with what has arrived or changed; may free the connection. */
void connection_advance(struct connection *connection);
/* Its deadline is over; may free the connection. */
void connection_expire(struct connection *connection);
/* Frees at once; an open request is finished as not sent. */
void connection_free(struct connection *connection);

/* --- connection_pool.c --- */

/* Files the connection under its deadline. */
void connection_pool_file(struct connection *connection);
void connection_pool_unfile(struct connection *connection);
/* connection_advance() through the loop. */
void connection_pool_defer(struct connection *connection);
void connection_pool_forget(struct connection *connection);
/* What the timer does once a second. */
void connection_pool_sweep(struct connection_pool *pool);
struct connection_input *connection_pool_take_input(struct connection_pool *pool);
/* Wiped by the caller. */
void connection_pool_give_input(struct connection_pool *pool, struct connection_input *input);

/* --- connection_io.c --- */

/* Whether the client has sent something that was not looked at yet. */
bool connection_io_has_arrived(const struct connection *connection);
void connection_io_start(struct connection *connection, evutil_socket_t fd);
/* Stops, closes and wipes. */
void connection_io_end(struct connection *connection);
/* Sends, and keeps a copy of what the socket does not take now. */
void connection_io_send(struct connection *connection, const struct iovec *parts, int count);
/* Goes on reading if there is room again. */
void connection_io_resume(struct connection *connection);
/* So that the input can hold `size` bytes, at most CONNECTION_INPUT_MAX; moves them, so never while a head is
 * in use. */
void connection_io_grow(struct connection *connection, size_t size);
/* Forgets what is used, with the head. */
void connection_io_consume(struct connection *connection);
/* Tells the client that no more will come, and forgets what it has sent. */
void connection_io_shut(struct connection *connection);

/* --- connection_reply.c --- */

/* The whole answer to a client that there is no room for; the caller frees it. */
char *connection_reply_write_busy(void);

#endif
