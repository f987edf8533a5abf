/* Request methods (RFC 9110 §9). */
#ifndef SERVER_HTTP_METHOD_H
#define SERVER_HTTP_METHOD_H

#include "server/http/slice.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER, /* any other method, CONNECT and TRACE included */
    HTTP_ANY    /* never a request's: stands for all methods, in a table of routes */
};

/* HTTP_OTHER when the token (case-sensitive) names none of the methods above it. */
enum http_method http_method_parse(struct http_slice token);

/* "GET"; "other" for HTTP_OTHER, "any" for HTTP_ANY. */
const char *http_method_name(enum http_method method);

#endif
