#include "server/request/route.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static enum route_outcome
find(enum http_method method, const char *path, const struct route **ret_route, int64_t *ret_id,
     char *ret_allow)
{
    return route_find(method, (struct http_slice){ path, strlen(path) }, ret_route, ret_id, ret_allow);
}

static void
test_finds(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *path, *route;
        int64_t id;
    } cases[] = {
        { HTTP_GET, "/healthz", "/healthz", -1 },
        { HTTP_HEAD, "/api/v1/api-keys", "/api/v1/api-keys", -1 },
        { HTTP_GET, "/api/v1/api-keys/current", "/api/v1/api-keys/current", -1 },
        { HTTP_GET, "/api/v1/api-keys/7", "/api/v1/api-keys/{id}", 7 },
        { HTTP_GET, "/api/v1/api-keys/7/activity", "/api/v1/api-keys/{id}/activity", 7 },
        { HTTP_DELETE, "/api/v1/users/12345", "/api/v1/users/{id}", 12345 },
        { HTTP_OTHER, "/api/v1/auth/verify", "/api/v1/auth/verify", -1 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct route *route = NULL;
        int64_t id = -1;
        char allow[ROUTE_ALLOW_SIZE];
        assert_int_equal(find(cases[i].method, cases[i].path, &route, &id, allow), ROUTE_FOUND);
        assert_string_equal(route->path, cases[i].route);
        assert_int_equal(id, cases[i].id);
        assert_ptr_equal(route_at(route_index(route)), route);
    }
}

static void
test_finds_nothing_else(void **state)
{
    (void)state;
    static const char *const paths[] = { "/",
                                         "",
                                         "/healthz/",
                                         "/health",
                                         "/api/v1/api-keys/",
                                         "/api/v1/api-keys/x",
                                         "/api/v1/api-keys/07",
                                         "/api/v1/api-keys/-7",
                                         "/api/v1/api-keys/99999999999999999999",
                                         "/api/v1/api-keys/7/",
                                         "/api/v1/api-keys/7/activit",
                                         "/api/v1/api-keys//activity",
                                         "/api/v1/api-keys/{id}",
                                         "/api/v1/users/7/activity" };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const struct route *route = NULL;
        int64_t id;
        char allow[ROUTE_ALLOW_SIZE];
        assert_int_equal(find(HTTP_GET, paths[i], &route, &id, allow), ROUTE_NO_PATH);
        assert_null(route);
    }
    assert_ptr_equal(route_at(route_count()), &route_none);
    assert_int_equal(route_index(&route_none), route_count());
    assert_int_equal(route_index(NULL), route_count());
}

static void
test_tells_what_is_allowed(void **state)
{
    (void)state;
    const struct route *route = NULL;
    int64_t id;
    char allow[ROUTE_ALLOW_SIZE];
    assert_int_equal(find(HTTP_PATCH, "/api/v1/api-keys/7", &route, &id, allow), ROUTE_NO_METHOD);
    assert_string_equal(allow, "GET, HEAD, DELETE");
    assert_int_equal(find(HTTP_OTHER, "/api/v1/users", &route, &id, allow), ROUTE_NO_METHOD);
    assert_string_equal(allow, "GET, HEAD, POST");
    assert_null(route);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_finds_nothing_else),
        cmocka_unit_test(test_tells_what_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
