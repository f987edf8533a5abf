/* Routes: what the table of the API (server/routes.c) is made of, and finding the row for a request. Patterns
 * are split into segments once, when the table is made. */
#ifndef SERVER_REQUEST_ROUTE_H
#define SERVER_REQUEST_ROUTE_H

#include "server/http/head.h"
#include "server/request/step.h"
#include <stddef.h>
#include <stdint.h>

enum route_access {
    ROUTE_ANYONE,        /* credentials are not even read */
    ROUTE_CALLER,        /* a token or a session */
    ROUTE_ORG_ADMIN,     /* owner or admin of the organization */
    ROUTE_PROJECT_GUEST, /* this role, or a higher one, in the project that the call is about: the */
    ROUTE_PROJECT_USER,  /* statement checks it, by :least_role */
    ROUTE_PROJECT_ADMIN
};

struct endpoint;

/* `pattern` is a path; a segment in braces is a placeholder, whose name tells what it stands for:
 * {id}, {user}, {key} a number; {project} PRJ-n; {cycle} TCYCLE-n; {case} TC-n; {secret}, {file} any text. */
struct route {
    enum http_method method; /* HTTP_ANY: all of them */
    const char *pattern;
    enum route_access access;
    size_t body_max;                 /* 0: takes no JSON body; one that comes is dropped unread */
    request_function *handle;        /* or: */
    const struct endpoint *endpoint; /* of an ordinary call: endpoint_handle() does all of it */
};

/* --- what stands at the placeholders of a path --- */

#define ROUTE_VALUES_MAX 3

struct route_value {
    const char *name;       /* of the placeholder, without braces */
    struct http_slice text; /* as it stands in the path */
    int64_t number;         /* unless it is a text */
};

struct route_values {
    size_t count;
    struct route_value items[ROUTE_VALUES_MAX];
};

/* The value of that name; NULL when the pattern has no such placeholder. */
const struct route_value *route_values_find(const struct route_values *values, const char *name);

/* --- the table --- */

struct route_table;

/* `routes` outlives the table. At most ROUTE_VALUES_MAX placeholders in a path, and at a place of the path
 * no two of different names; a path that a literal segment fits is not looked for among placeholders. */
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

/* HEAD goes where GET goes. */
enum route_outcome route_table_find(const struct route_table *table, enum http_method method,
                                    struct http_slice path, struct route_match *ret_match);

/* By number from 0, for metrics. */
size_t route_table_count(const struct route_table *table);
const struct route *route_table_at(const struct route_table *table, size_t index);
/* Its number; route_table_count() for NULL and for a route that is not in the table. */
size_t route_table_index(const struct route_table *table, const struct route *route);

/* "anyone", "caller", "org_admin", "project_guest", "project_user" or "project_admin". */
const char *route_access_name(enum route_access access);
/* What :least_role of a statement is: "guest", "user" or "project_admin"; NULL when none is asked for. */
const char *route_least_role(const struct route *route);

#endif
