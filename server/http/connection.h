/* One client connection: turns bytes into requests, and answers into bytes. It reads one request at a time;
 * pipelined requests wait in the input buffer and are answered in order. It knows framing, limits and
 * deadlines, but not what a request means.
 *
 * Limits: a head has at most 16 KiB and 100 fields (431), its target at most 8 KiB (414). The head must be
 * complete 10 s after its first byte (408), and the answer must begin 30 s after that byte. A client that
 * accepts no byte of an answer for 30 s is cut off; an idle connection is closed after 75 s. Apart from a
 * wanted body, the memory held for one client stays below 64 KiB.
 *
 * An answer may be a stream: its body grows until its owner, or the client, ends the connection. Then there
 * is no request any more, and no memory of one.
 *
 * All connections of a loop share one connection_pool: its limits, its list of idle connections, and the
 * timer that checks deadlines once a second.
 *
 * When the pool is full or descriptors run out, idle connections make room, the longest-idle first; then
 * those that linger; then those whose client leaves a request or an answer unfinished: the oldest one of the
 * address (or IPv6 /64) that has most of them. */
#ifndef SERVER_HTTP_CONNECTION_H
#define SERVER_HTTP_CONNECTION_H

#include "server/http/head.h"
#include <event2/util.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct event_base;
struct connection;
struct connection_pool;

/* The callbacks to the pool's owner. They come from the loop, never from within a call into this file. A
 * request begins with on_head or on_refused, and must end in exactly one connection_reply(). */
struct connection_events {
    /* A whole, well-formed head has arrived. `head` and the bytes that it points to live until the reply.
     * Returns the owner's request, which the callbacks below get. */
    void *(*on_head)(struct connection *connection, const struct http_head *head, void *argument);
    /* The client sent something that cannot be read as a request: answer with this problem; the connection
     * closes afterwards. Returns the request as above. */
    void *(*on_refused)(struct connection *connection, enum problem_code code, const char *detail,
                        void *argument);
    /* After connection_want_body(): the whole body is here (PROBLEM_NONE), or the request must be answered
     * with this problem (too large, broken chunks, or PROBLEM_REQUEST_TIMEOUT after 30 s). */
    void (*on_body)(void *request, enum problem_code code, const char *detail);
    /* 30 s have passed without an answer; answer now. */
    void (*on_deadline)(void *request);
    /* The kernel has taken the whole reply, or never will (`sent` is false). The last callback of this
     * request. May be NULL. */
    void (*on_finished)(void *request, bool sent);
    void *argument;
};

/* `capacity`: how many connections may be open at once. */
struct connection_pool *connection_pool_new(struct event_base *base, const struct connection_events *events,
                                            size_t capacity);
/* Closes all connections at once and frees the pool. Requests without an answer get on_finished (not sent)
 * from within this call, and must not be answered any more. NULL is fine. */
void connection_pool_free(struct connection_pool *pool);

/* For a shutdown: closes connections that are idle after an answer, and each other one after its current
 * answer; requests that have arrived and are not read yet are answered too. A connection that has had no
 * request so far, or that opens later, may still send one until the next call, which closes it otherwise. */
void connection_pool_drain(struct connection_pool *pool);
size_t connection_pool_count(const struct connection_pool *pool);
/* How many connections have a request without an answer. */
size_t connection_pool_busy(const struct connection_pool *pool);

/* For a shutdown: answers the clients that are still sending a request with 503. */
void connection_pool_refuse_unfinished(struct connection_pool *pool);

/* Makes room by closing up to `count` connections, when the process has run out of descriptors; returns how
 * many it closed. During a shutdown it spares all but the lingering ones. */
size_t connection_pool_reap(struct connection_pool *pool, size_t count);
/* How many unfinished connections have had to make room so far. */
uint64_t connection_pool_evicted(const struct connection_pool *pool);

/* Takes over an accepted, non-blocking socket. When there is no room and no connection that can make some,
 * turns the client away and returns false. */
bool connection_open(struct connection_pool *pool, evutil_socket_t fd, const struct sockaddr *peer,
                     socklen_t length);

/* Sends 503 to a client that there is no room for, without blocking, and closes the socket. */
void connection_turn_away(const struct connection_pool *pool, evutil_socket_t fd);

/* The other end; AF_UNIX for a unix socket. */
const struct sockaddr *connection_peer(const struct connection *connection);

/* Whether the request announces a body (Content-Length above 0, or chunked). */
bool connection_has_body(const struct connection *connection);

/* Asks for the body, at most `limit` bytes after decoding; sends 100 Continue if the client waits for it.
 * on_body follows from the loop. */
void connection_want_body(struct connection *connection, size_t limit);

/* The body, after on_body with PROBLEM_NONE; lives until the reply. */
const char *connection_body(const struct connection *connection, size_t *ret_length);

struct connection_reply {
    int status;
    const char *fields; /* whole field lines, each with CRLF, without Date, Content-Length and Connection;
                           may be NULL */
    size_t fields_length;
    const char *content_type; /* NULL when there is no body */
    const char *body;
    size_t body_length;
    bool body_is_constant; /* it lives as long as the program, and need not be copied */
    bool close;            /* close the connection after this answer */
    /* Of a stream, which begins with `body`; else NULL. Called once, from the loop, when the connection is
     * freed. The connection has one stream at most, and closes after it; after the head of one, too. */
    void (*on_stream_end)(void *stream);
    void *stream;
};

/* Answers the current request; copies everything but a constant body. A reply to HEAD carries the body's
 * length without the body. An unread body of the request is read and dropped up to 64 KiB; a longer one
 * closes the connection. The head and the body are gone after this call; the next request begins from the
 * loop. */
void connection_reply(struct connection *connection, const struct connection_reply *reply);

/* --- streams --- */

/* How many bytes of a stream may wait for the client. */
#define CONNECTION_STREAM_MAX ((size_t)64 * 1024)

/* Sends more of the stream; copies it. A client that leaves too much untaken, or takes nothing for 30 s, is
 * cut off. */
void connection_stream_send(struct connection *connection, const char *bytes, size_t length);
/* Closes the connection when the client has taken what was sent. Send nothing afterwards. */
void connection_stream_end(struct connection *connection);

#endif
