/* The body of a request (RFC 9112 §6, §7): plain bytes of a known length, or chunks. Collects what is wanted,
 * or reads past what is not. Stricter than the grammar: sizes have at most 16 hexadecimal digits and no space
 * behind them; a line ends with CR LF and nothing else; extensions and trailers are checked, not kept, and
 * have at most 8 KiB together. */
#ifndef SERVER_HTTP_BODY_H
#define SERVER_HTTP_BODY_H

#include "server/http/head.h"

enum http_body_state {
    HTTP_BODY_UNFINISHED,
    HTTP_BODY_WHOLE,
    HTTP_BODY_BROKEN,   /* not chunks */
    HTTP_BODY_TOO_LARGE /* over the limit, which may be known before a byte has come */
};

/* Embedded in the connection; use only the functions. */
struct http_body {
    enum http_body_state state;
    bool chunked;
    int step;      /* where in the chunk's frame; for plain bytes: in the data */
    uint64_t left; /* of the data at hand, or the size being read */
    size_t digits, overhead;
    bool keeping;
    char *bytes;
    size_t length, capacity, limit;
};

/* What the head announces; reads past it until http_body_keep(). */
void http_body_begin(struct http_body *body, const struct http_head *head);

/* From now on keeps what comes, at most `limit` bytes. */
void http_body_keep(struct http_body *body, size_t limit);

/* Whether http_body_drop() can come to the body's end, as far as is known now. */
bool http_body_may_drop(const struct http_body *body, size_t limit);

/* Wipes and frees what was kept, and reads past the rest, but at most `limit` bytes of it. */
void http_body_drop(struct http_body *body, size_t limit);

/* Takes bytes of the connection; returns how many belong to the body. Fewer than `length` only when the body
 * is no longer unfinished. */
size_t http_body_feed(struct http_body *body, const char *bytes, size_t length);

/* Where the next bytes may be received directly, and how many; 0 when they have to come through
 * http_body_feed(). Tell how many came with http_body_received(). */
size_t http_body_room(struct http_body *body, char **ret_bytes);
void http_body_received(struct http_body *body, size_t count);

/* Wipes and frees what was kept. */
void http_body_end(struct http_body *body);

#endif
