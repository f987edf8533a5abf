/* Requests to the service, by libcurl, one at a time. The token goes to the given address only: redirects are
 * not followed. */
#ifndef REPORTER_HTTP_H
#define REPORTER_HTTP_H

#include "reporter/buffer.h"
#include "reporter/interrupt.h"
#include <stdint.h>

struct http;

/* For http_free(). `url` is the address of the service, perhaps with a path; `cacert` may be NULL:
 * trust_find() then chooses. All must outlive it. */
struct http *http_new(const char *url, const char *token, const char *cacert, struct interrupt *interrupt);

struct http_request {
    const char *method; /* "GET", "POST" or "DELETE" */
    const char *path;   /* behind /api/v1 */
    const char *key;    /* Idempotency-Key; NULL: none */
    const char *body;   /* gzip of JSON; NULL: none */
    size_t length;
    int64_t timeout_ms;
};

enum http_outcome {
    HTTP_ANSWERED,
    HTTP_FAILED,   /* no whole answer; another attempt may help */
    HTTP_HOPELESS, /* no whole answer, and none will come: certificate, name of a proxy, certificates' file */
    HTTP_INTERRUPTED
};

struct http_answer {
    int status;
    struct buffer body;    /* up to 8 MiB */
    int64_t retry_after_s; /* -1: not said */
    char hop[160];         /* who answered, by Server and Via; "" when they say nothing */
    char location[256];    /* of a redirect */
    int64_t date_s;        /* the server's clock; 0: not said */
    char error[768];       /* why there is no answer */
};

/* Sends a request. The answer is for http_answer_free() in any case. */
enum http_outcome http_send(struct http *http, const struct http_request *request,
                            struct http_answer *ret_answer);
/* Wipes the body, which may hold a token. */
void http_answer_free(struct http_answer *answer);

/* Wipes the token's copies; NULL is fine. */
void http_free(struct http *http);

/* What is wrong with an address: NULL when it is http or https with a host, and has no user, query or
 * fragment. */
const char *http_url_refusal(const char *url);

/* Whether a request to the address can be read on its way: http, and not to this machine. */
bool http_url_is_exposed(const char *url);

#endif
