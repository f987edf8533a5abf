/* The body of a request (RFC 9112 §6, §7): plain bytes of a known length, or chunks. Collects a wanted body,
 * skips an unwanted one. Stricter than the grammar: a size has at most 16 hexadecimal digits and no space
 * after them; every line ends with CR LF; extensions and trailers are checked, not kept, and have at most 8
 * KiB together. */
#ifndef SERVER_HTTP_BODY_H
#define SERVER_HTTP_BODY_H

#include "server/http/head.h"

enum http_body_state {
    HTTP_BODY_UNFINISHED,
    HTTP_BODY_WHOLE,
    HTTP_BODY_BROKEN,   /* not chunks */
    HTTP_BODY_TOO_LARGE /* over the limit; may be known before a byte has arrived */
};

/* Embedded in the connection; use only the functions. */
struct http_body {
    enum http_body_state state;
    bool chunked;
    int step;      /* of the framing of chunks; for plain bytes always that of data */
    uint64_t left; /* bytes left of the chunk or body, or the chunk's size so far */
    size_t digits, overhead;
    bool keeping;
    char *bytes;
    size_t length, capacity, limit;
};

/* Begins the body that the head announces, as an unwanted one until http_body_keep(). */
void http_body_begin(struct http_body *body, const struct http_head *head);

/* Keeps the bytes that come from now on, at most `limit`. */
void http_body_keep(struct http_body *body, size_t limit);

/* Whether http_body_drop() can reach the body's end, as far as is known now. */
bool http_body_may_drop(const struct http_body *body, size_t limit);

/* Wipes and frees what was kept, and skips the rest, at most `limit` bytes of it. */
void http_body_drop(struct http_body *body, size_t limit);

/* Takes bytes of the connection; returns how many of them belong to the body: all, unless the body has ended
 * or is refused. */
size_t http_body_feed(struct http_body *body, const char *bytes, size_t length);

/* Where the caller may receive the next bytes directly, and how many; 0 when they have to come through
 * http_body_feed(). The caller reports what it received to http_body_received(). */
size_t http_body_room(struct http_body *body, char **ret_bytes);
void http_body_received(struct http_body *body, size_t count);

/* Wipes and frees what was kept. */
void http_body_end(struct http_body *body);

#endif
