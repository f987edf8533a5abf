/* Routes: the rows of the table of the API (server/routes.c), and finding the row for a request. Patterns are
 * split into segments once, when the table is made. */
#ifndef SERVER_REQUEST_ROUTE_H
#define SERVER_REQUEST_ROUTE_H

#include "server/http/head.h"
#include "server/request/step.h"
#include <stddef.h>
#include <stdint.h>

enum route_access {
    ROUTE_ANYONE,        /* credentials are ignored */
    ROUTE_CALLER,        /* a token or a session */
    ROUTE_ORG_ADMIN,     /* owner or admin of the organization */
    ROUTE_PROJECT_GUEST, /* at least this role in the project of the call; the statement checks it, */
    ROUTE_PROJECT_USER,  /* by :least_role */
    ROUTE_PROJECT_ADMIN
};

struct endpoint;

/* `pattern` is a path. A segment in braces is a placeholder; its name gives its type: {id}, {user}, {key},
 * {delivery} are numbers, {project} is PRJ-n, {cycle} TCYCLE-n, {case} TC-n, {secret} and {finding} are any
 * text. {rest}, at the end, is the whole rest of the path, slashes included, even an empty one. */
struct route {
    enum http_method method; /* HTTP_ANY: all of them */
    const char *pattern;
    enum route_access access;
    size_t body_max;                 /* of the body, in bytes; 0: a body is discarded unread */
    request_function *handle;        /* a row has either a handler, */
    const struct endpoint *endpoint; /* or an endpoint, which endpoint_handle() runs */
    bool body_form;                  /* the body is a form, not JSON, and the handler reads it */
    bool body_raw;                   /* the handler reads the body itself, which may be in gzip */
    bool body_optional;              /* a request without a body is served, too */
    bool without_host;               /* HTTP/1.0 without Host is served, as health checks send it */
};

/* --- the values of a path's placeholders --- */

#define ROUTE_VALUES_MAX 3

struct route_value {
    const char *name;       /* of the placeholder, without braces */
    struct http_slice text; /* the segment of the path */
    int64_t number;         /* 0 when the placeholder is for any text */
};

struct route_values {
    size_t count;
    struct route_value items[ROUTE_VALUES_MAX];
};

/* The value of the placeholder `name`; NULL when the pattern has no such placeholder. */
const struct route_value *route_values_find(const struct route_values *values, const char *name);

/* --- the table --- */

struct route_table;

/* `routes` outlives the table. A pattern has at most ROUTE_VALUES_MAX placeholders, and patterns that are
 * equal up to a placeholder must agree on its name. Where a literal segment matches, placeholders are not
 * tried. */
struct route_table *route_table_new(const struct route *routes, size_t count);
/* NULL is fine. */
void route_table_free(struct route_table *table);

enum route_outcome { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

#define ROUTE_ALLOW_SIZE 64

struct route_match {
    const struct route *route;    /* on ROUTE_FOUND */
    struct route_values values;   /* on ROUTE_FOUND; `text` points into the path */
    char allow[ROUTE_ALLOW_SIZE]; /* on ROUTE_NO_METHOD: the value of Allow */
};

/* HEAD finds the route of GET. */
enum route_outcome route_table_find(const struct route_table *table, enum http_method method,
                                    struct http_slice path, struct route_match *ret_match);

/* Routes by index from 0, for metrics. */
size_t route_table_count(const struct route_table *table);
const struct route *route_table_at(const struct route_table *table, size_t index);
/* The index of `route`; route_table_count() for NULL and for a route that is not in the table. */
size_t route_table_index(const struct route_table *table, const struct route *route);

/* "anyone", "caller", "org_admin", "project_guest", "project_user" or "project_admin". */
const char *route_access_name(enum route_access access);
/* The value of :least_role in a statement: "guest", "user" or "project_admin"; NULL when the route requires
 * no role in a project. */
const char *route_least_role(const struct route *route);

#endif
