#include "server/request/route.h"
#include "common/text.h"
#include "server/metrics.h"
#include "server/resources/activity.h"
#include "server/resources/api_keys.h"
#include "server/resources/ops.h"
#include "server/resources/projects.h"
#include "server/resources/session.h"
#include "server/resources/users.h"
#include "server/resources/verify.h"
#include <string.h>

#define BODY_MAX         ((size_t)1024 * 1024)
#define SIGN_IN_BODY_MAX ((size_t)16 * 1024)

/* "current" stands before "{id}": the first path that matches counts. */
static const struct route routes[] = {
    { HTTP_GET, "/healthz", ROUTE_ANYONE, 0, ops_health },
    { HTTP_GET, "/readyz", ROUTE_ANYONE, 0, ops_ready },
    { HTTP_GET, "/metrics", ROUTE_ANYONE, 0, ops_metrics },
    { HTTP_GET, "/api/v1/session", ROUTE_CALLER, 0, session_get },
    { HTTP_POST, "/api/v1/session", ROUTE_ANYONE, SIGN_IN_BODY_MAX, session_create },
    { HTTP_DELETE, "/api/v1/session", ROUTE_CALLER, 0, session_delete },
    { HTTP_GET, "/api/v1/api-keys", ROUTE_CALLER, 0, api_keys_list },
    { HTTP_POST, "/api/v1/api-keys", ROUTE_CALLER, BODY_MAX, api_keys_create },
    { HTTP_GET, "/api/v1/api-keys/current", ROUTE_CALLER, 0, api_keys_get_current },
    { HTTP_DELETE, "/api/v1/api-keys/current", ROUTE_CALLER, 0, api_keys_delete_current },
    { HTTP_GET, "/api/v1/api-keys/{id}", ROUTE_CALLER, 0, api_keys_get },
    { HTTP_DELETE, "/api/v1/api-keys/{id}", ROUTE_CALLER, 0, api_keys_delete },
    { HTTP_GET, "/api/v1/api-keys/{id}/activity", ROUTE_CALLER, 0, activity_list },
    { HTTP_ANY, "/api/v1/auth/verify", ROUTE_CALLER, 0, verify },
    { HTTP_GET, "/api/v1/projects/user-projects", ROUTE_CALLER, 0, projects_list },
    { HTTP_GET, "/api/v1/users", ROUTE_ORG_ADMIN, 0, users_list },
    { HTTP_POST, "/api/v1/users", ROUTE_ORG_ADMIN, BODY_MAX, users_create },
    { HTTP_GET, "/api/v1/users/{id}", ROUTE_ORG_ADMIN, 0, users_get },
    { HTTP_PATCH, "/api/v1/users/{id}", ROUTE_ORG_ADMIN, BODY_MAX, users_update },
    { HTTP_DELETE, "/api/v1/users/{id}", ROUTE_ORG_ADMIN, 0, users_delete },
};
const struct route route_none = { HTTP_ANY, "none", ROUTE_CALLER, 0, request_refuse_unrouted };

_Static_assert(sizeof(routes) / sizeof(routes[0]) < METRICS_ROUTES,
               "metrics have room for every route, and for none");

static const struct {
    enum http_method method;
    const char *name;
} method_names[] = {
    { HTTP_GET, "GET, HEAD" }, { HTTP_POST, "POST" },     { HTTP_PUT, "PUT" },
    { HTTP_PATCH, "PATCH" },   { HTTP_DELETE, "DELETE" },
};

/* Whether `path` is of that pattern, and the number at {id}. */
static bool
matches(const char *pattern, struct http_slice path, int64_t *ret_id)
{
    size_t before = 0;
    while (before < path.length && pattern[before] != '{' && pattern[before] == path.bytes[before]) {
        before++;
    }
    if (before == path.length && !pattern[before]) {
        return true;
    }
    if (strncmp(pattern + before, "{id}", 4) != 0) {
        return false;
    }
    const char *rest = pattern + before + 4;
    size_t after = strlen(rest);
    if (path.length <= before + after || memcmp(path.bytes + path.length - after, rest, after) != 0) {
        return false;
    }
    return text_to_id(path.bytes + before, path.length - before - after, ret_id);
}

static void
add_allowed(enum http_method method, char ret_allow[ROUTE_ALLOW_SIZE])
{
    for (size_t i = 0; i < sizeof(method_names) / sizeof(method_names[0]); i++) {
        if (method_names[i].method == method) {
            if (*ret_allow) {
                strncat(ret_allow, ", ", ROUTE_ALLOW_SIZE - strlen(ret_allow) - 1);
            }
            strncat(ret_allow, method_names[i].name, ROUTE_ALLOW_SIZE - strlen(ret_allow) - 1);
        }
    }
}

enum route_outcome
route_find(enum http_method method, struct http_slice path, const struct route **ret_route, int64_t *ret_id,
           char ret_allow[ROUTE_ALLOW_SIZE])
{
    enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
    const char *pattern = NULL;
    ret_allow[0] = '\0';
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (pattern ? strcmp(pattern, routes[i].path) != 0 : !matches(routes[i].path, path, ret_id)) {
            continue;
        }
        pattern = routes[i].path;
        if (routes[i].method == wanted || routes[i].method == HTTP_ANY) {
            *ret_route = &routes[i];
            return ROUTE_FOUND;
        }
        add_allowed(routes[i].method, ret_allow);
    }
    return pattern ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}

size_t
route_count(void)
{
    return sizeof(routes) / sizeof(routes[0]);
}

const struct route *
route_at(size_t index)
{
    return index < route_count() ? &routes[index] : &route_none;
}

size_t
route_index(const struct route *route)
{
    return route && route != &route_none ? (size_t)(route - routes) : route_count();
}

const char *
route_method(const struct route *route)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
        [HTTP_PUT] = "PUT",         [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
        [HTTP_OPTIONS] = "OPTIONS", [HTTP_OTHER] = "other", [HTTP_ANY] = "any",
    };
    return names[route->method];
}
