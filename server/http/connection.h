/* One client connection: bytes ↔ requests. Reads one request at a time; pipelined ones wait in the input
 * buffer and are answered in order. Knows framing, limits and deadlines, nothing of what a request means.
 *
 * Limits: head ≤ 16 KiB and ≤ 100 fields (431), target ≤ 8 KiB (414); the head must be complete 10 s after
 * its first byte (408) and the answer begun 30 s after it; a client that takes no byte of an answer for 30 s
 * is cut; an idle connection is closed after 75 s. Beside a wanted body, a client never makes us hold more
 * than 64 KiB.
 *
 * All connections of a loop share one connection_pool: its limits, its list of idle ones, its once-a-second
 * sweep for deadlines. */
#ifndef SERVER_HTTP_CONNECTION_H
#define SERVER_HTTP_CONNECTION_H

#include "server/http/head.h"
#include <event2/util.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct event_base;
struct connection;
struct connection_pool;

/* What the pool's owner is told. Each begins a request that must end in exactly one connection_reply().
 * Called from the loop, never from within a call into this file. */
struct connection_events {
    /* A whole, well-formed head has arrived. `head` and what it points to live until the reply. Returns the
     * request, for the calls below. */
    void *(*on_head)(struct connection *connection, const struct http_head *head, void *argument);
    /* What came is not a request that can be read: answer with this problem; the connection closes
     * afterwards. Returns the request as above. */
    void *(*on_refused)(struct connection *connection, enum problem_code code, const char *detail,
                        void *argument);
    /* After connection_want_body(): the whole body is here (code == PROBLEM_NONE), or must be answered with
     * this problem (too large, broken chunks; or the request's time is over: PROBLEM_REQUEST_TIMEOUT). */
    void (*on_body)(void *request, enum problem_code code, const char *detail);
    /* The 30 s for the answer are over, and the request has not been answered. It must still be, now. */
    void (*on_deadline)(void *request);
    /* The reply has left for the kernel, or will never (`sent` false). The last word about this request. May
     * be NULL. */
    void (*on_finished)(void *request, bool sent);
    void *argument;
};

/* `capacity`: most connections at once; beyond it the longest-idle ones are closed to make room. */
struct connection_pool *connection_pool_new(struct event_base *base, const struct connection_events *events,
                                            size_t capacity);
/* Closes everything at once and frees. A request that is still open is finished as not sent, from within this
 * call, and must not be answered any more. NULL is fine. */
void connection_pool_free(struct connection_pool *pool);

/* Shutdown: connections that are idle after an answer close now, others after their current one; a request
 * that has arrived and is yet to be read is answered too. A connection that has had no request so far, or
 * that is opened meanwhile, may still send one until the next call, which closes it if none has come. */
void connection_pool_drain(struct connection_pool *pool);
size_t connection_pool_count(const struct connection_pool *pool);
/* Connections with a request that has not been answered. */
size_t connection_pool_busy(const struct connection_pool *pool);

/* Closes up to `count` of the longest-idle connections (the process ran out of descriptors); returns how many
 * it closed. In a shutdown, whoever is idle has only just come, and stays. */
size_t connection_pool_reap(struct connection_pool *pool, size_t count);

/* Takes over an accepted, non-blocking socket. False, and the client turned away, when there is no room even
 * after reaping. */
bool connection_open(struct connection_pool *pool, evutil_socket_t fd, const struct sockaddr *peer,
                     socklen_t length);

/* Sends 503 to a client that there is no room for, without blocking, and closes the socket. */
void connection_turn_away(const struct connection_pool *pool, evutil_socket_t fd);

/* The other end; AF_UNIX for a unix socket. */
const struct sockaddr *connection_peer(const struct connection *connection);

/* Whether the request announces a body (Content-Length above 0, or chunked). */
bool connection_has_body(const struct connection *connection);

/* Asks for the body, at most `limit` bytes after decoding; sends 100 Continue if the client waits for it.
 * on_body follows, through the loop. */
void connection_want_body(struct connection *connection, size_t limit);

/* The body, once on_body told that it is whole; lives until the reply. */
const char *connection_body(const struct connection *connection, size_t *ret_length);

struct connection_reply {
    int status;
    const char *fields; /* whole field lines, each with CRLF; Date, Content-Length and Connection are added
                           here. May be NULL */
    size_t fields_length;
    const char *content_type; /* NULL when there is no body */
    const char *body;
    size_t body_length;
    bool close; /* close the connection after this answer */
};

/* Answers the current request; everything is copied. A reply to HEAD carries the length without the body. An
 * unread body is read and dropped up to 64 KiB; a longer one closes the connection. Afterwards the head and
 * the body are gone; the next request begins through the loop. */
void connection_reply(struct connection *connection, const struct connection_reply *reply);

#endif
