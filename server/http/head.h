/* A strict parser for the head of an HTTP/1.x request (RFC 9112 §2–§6), in one contiguous block that ends
 * with CRLF CRLF. It refuses what the grammar tolerates only for old software: a bare LF, obs-fold, white
 * space before a colon, several spaces in the request line, several Host fields or none in HTTP/1.1, repeated
 * Content-Length, Authorization or Transfer-Encoding, Content-Length with Transfer-Encoding, any
 * Transfer-Encoding but exactly "chunked", Transfer-Encoding in HTTP/1.0, a length that is not plain digits,
 * and control bytes. */
#ifndef SERVER_HTTP_HEAD_H
#define SERVER_HTTP_HEAD_H

#include "common/problem.h"
#include "server/http/method.h"
#include "server/http/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HTTP_HEAD_MAX   (16 * 1024)
#define HTTP_TARGET_MAX (8 * 1024)
#define HTTP_FIELDS_MAX 100

/* For a request that needs a Host field and has none. */
#define HTTP_HEAD_HOST_MISSING "The Host field is missing."

struct http_head {
    enum http_method method;
    struct http_slice method_text;
    struct http_slice path;  /* begins with '/', or is "*" with OPTIONS; not percent-decoded */
    struct http_slice query; /* after '?', without it */
    int minor_version;       /* HTTP/1.0 or HTTP/1.1 */
    bool keep_alive;         /* as Connection and the version ask */
    bool expects_continue;   /* Expect: 100-continue */
    bool chunked;
    int64_t content_length; /* -1 when there is no such field */
    /* The fields that the server itself reads, the first of each name; http_head_field() finds the others. */
    struct http_slice host; /* absent in HTTP/1.0 only */
    struct http_slice authorization, cookie, content_type, origin, sec_fetch_site, user_agent, request_id;
    size_t field_count;
    struct http_field fields[HTTP_FIELDS_MAX];
};

/* Parses `length` bytes that end with CRLF CRLF. Returns 0 and slices that point into `bytes` (but an empty
 * path becomes the constant "/"). Or returns -1, an undefined *ret_head, and the problem to answer with, plus
 * a constant sentence: PROBLEM_BAD_REQUEST, _URI_TOO_LONG, _HEADERS_TOO_LARGE (too many fields),
 * _EXPECTATION_FAILED or _VERSION_NOT_SUPPORTED. */
int http_head_parse(const char *bytes, size_t length, struct http_head *ret_head, enum problem_code *ret_code,
                    const char **ret_detail);

/* Looks for the end of a head in `length` bytes, which grow from call to call. `scanned` is the caller's, 0
 * at first; it remembers how far earlier calls came. Returns the head's length; 0 when its end has not
 * arrived yet; -1 when these bytes cannot become a head: the first byte begins no method, or a CR or LF
 * stands alone. */
ssize_t http_head_scan(const char *bytes, size_t length, size_t *scanned);

/* Says, in a constant sentence, why http_head_scan() has returned -1. */
const char *http_head_scan_detail(const char *bytes, size_t length);

/* The first field of that name (ASCII case ignored); its `bytes` are NULL when there is no such field. */
struct http_slice http_head_field(const struct http_head *head, const char *name);

#endif
