/* The table of the HTTP API: method and path → who may call it, how large its body may be, what handles it.
 */
#ifndef SERVER_REQUEST_ROUTE_H
#define SERVER_REQUEST_ROUTE_H

#include "server/request/request.h"

enum route_access {
    ROUTE_ANYONE,   /* credentials are not even looked at */
    ROUTE_CALLER,   /* a token or a session */
    ROUTE_ORG_ADMIN /* owner or admin of the organization */
};

struct route {
    enum http_method method; /* HTTP_ANY: all of them */
    const char *path;        /* one segment may be {id}, a decimal number */
    enum route_access access;
    size_t body_max; /* 0: takes no JSON body; one that comes is dropped unread */
    request_function *handle;
};

enum route_outcome { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

#define ROUTE_ALLOW_SIZE 64

/* Finds the route; HEAD goes where GET goes. On ROUTE_NO_METHOD, `ret_allow` is the Allow field's value. */
enum route_outcome route_find(enum http_method method, struct http_slice path, const struct route **ret_route,
                              int64_t *ret_id, char ret_allow[ROUTE_ALLOW_SIZE]);

/* Of a token's request that is of none in the table, so that it is counted and limited like any other. */
extern const struct route route_none;

/* By number, for metrics; route_none is the last, at route_count(). */
size_t route_count(void);
const struct route *route_at(size_t index);
/* Its number; route_count() for NULL, too. */
size_t route_index(const struct route *route);
/* "GET"; "any" for a route that takes all. */
const char *route_method(const struct route *route);

#endif
