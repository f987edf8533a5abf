#include "server/request/route.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct route rows[] = {
    { HTTP_GET, "/", ROUTE_ANYONE, .body_max = 0 },
    { HTTP_GET, "/healthz", ROUTE_ANYONE, .body_max = 0 },
    { HTTP_GET, "/keys", ROUTE_CALLER, .body_max = 0 },
    { HTTP_POST, "/keys", ROUTE_CALLER, .body_max = 10 },
    { HTTP_GET, "/keys/{id}", ROUTE_CALLER, .body_max = 0 },
    { HTTP_DELETE, "/keys/{id}", ROUTE_CALLER, .body_max = 0 },
    { HTTP_GET, "/keys/current", ROUTE_CALLER, .body_max = 0 },
    { HTTP_GET, "/keys/{id}/activity", ROUTE_CALLER, .body_max = 0 },
    { HTTP_ANY, "/verify", ROUTE_CALLER, .body_max = 0 },
    { HTTP_PUT, "/projects/{project}/members/{user}", ROUTE_PROJECT_ADMIN, .body_max = 10 },
    { HTTP_GET, "/projects/{project}/cases/{case}", ROUTE_PROJECT_GUEST, .body_max = 0 },
    { HTTP_GET, "/projects/{project}/cycles/{cycle}/{case}", ROUTE_PROJECT_USER, .body_max = 0 },
    { HTTP_GET, "/calendar/{secret}", ROUTE_ANYONE, .body_max = 0 },
    { HTTP_ANY, "/below/{rest}", ROUTE_CALLER, .body_max = 0 },
};

static struct route_table *table;
static struct route_match match;

static int
set_up(void **state)
{
    (void)state;
    table = route_table_new(rows, sizeof(rows) / sizeof(rows[0]));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    route_table_free(table);
    return 0;
}

static enum route_outcome
find(enum http_method method, const char *path)
{
    return route_table_find(table, method, (struct http_slice){ path, strlen(path) }, &match);
}

static void
test_finds(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *path, *pattern, *name;
        int64_t number;
    } cases[] = {
        { HTTP_GET, "/", "/", NULL, 0 },
        { HTTP_GET, "/healthz", "/healthz", NULL, 0 },
        { HTTP_HEAD, "/keys", "/keys", NULL, 0 },
        { HTTP_GET, "/keys/current", "/keys/current", NULL, 0 },
        { HTTP_GET, "/keys/7", "/keys/{id}", "id", 7 },
        { HTTP_GET, "/keys/7/activity", "/keys/{id}/activity", "id", 7 },
        { HTTP_DELETE, "/keys/12345", "/keys/{id}", "id", 12345 },
        { HTTP_OTHER, "/verify", "/verify", NULL, 0 },
        { HTTP_PUT, "/projects/PRJ-2/members/3", "/projects/{project}/members/{user}", "user", 3 },
        { HTTP_GET, "/projects/PRJ-2/cases/TC-4", "/projects/{project}/cases/{case}", "case", 4 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(find(cases[i].method, cases[i].path), ROUTE_FOUND);
        assert_string_equal(match.route->pattern, cases[i].pattern);
        assert_ptr_equal(route_table_at(table, route_table_index(table, match.route)), match.route);
        if (cases[i].name) {
            assert_int_equal(route_values_find(&match.values, cases[i].name)->number, cases[i].number);
        } else {
            assert_int_equal(match.values.count, 0);
        }
    }
}

static void
test_several_placeholders_in_a_path(void **state)
{
    (void)state;
    assert_int_equal(find(HTTP_GET, "/projects/PRJ-1/cycles/TCYCLE-22/TC-333"), ROUTE_FOUND);
    assert_int_equal(route_values_find(&match.values, "project")->number, 1);
    assert_int_equal(route_values_find(&match.values, "cycle")->number, 22);
    assert_int_equal(route_values_find(&match.values, "case")->number, 333);
    assert_null(route_values_find(&match.values, "user"));
    assert_int_equal(find(HTTP_GET, "/calendar/a%2Fb"), ROUTE_FOUND);
    const struct route_value *secret = route_values_find(&match.values, "secret");
    assert_true(http_slice_equals(secret->text, "a%2Fb"));
}

static void
test_the_rest_of_a_path(void **state)
{
    (void)state;
    static const char *const rests[] = { "", "a", "a/b", "a//b/", "/", "../x", "%2F" };
    for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
        char path[32];
        snprintf(path, sizeof(path), "/below/%s", rests[i]);
        assert_int_equal(find(HTTP_POST, path), ROUTE_FOUND);
        assert_int_equal(match.values.count, 1);
        assert_true(http_slice_equals(route_values_find(&match.values, "rest")->text, rests[i]));
    }
    assert_int_equal(find(HTTP_GET, "/below"), ROUTE_NO_PATH);
}

static void
test_finds_nothing_else(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "//",
        "*",
        "/healthz/",
        "/health",
        "/keys/",
        "/keys/x",
        "/keys/07",
        "/keys/-7",
        "/keys/7/",
        "/keys/{id}",
        "/keys/99999999999999999999",
        "/keys//7",
        "/keys/7/activit",
        "/keys//activity",
        "/keys/current/activity",
        "/projects",
        "/projects/PRJ-2",
        "/projects/2/members/3",
        "/projects/PRJ-0/members/3",
        "/projects/PRJ-02/members/3",
        "/projects/PRJ-2147483648/members/3",
        "/projects/prj-2/members/3",
        "/projects/PRJ-/members/3",
        "/calendar/",
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (find(HTTP_GET, paths[i]) != ROUTE_NO_PATH) {
            fail_msg("%s was found", paths[i]);
        }
    }
    assert_int_equal(route_table_index(table, NULL), route_table_count(table));
    const struct route other = rows[0];
    assert_int_equal(route_table_index(table, &other), route_table_count(table));
}

static void
test_names_the_methods_that_a_path_takes(void **state)
{
    (void)state;
    assert_int_equal(find(HTTP_PATCH, "/keys/7"), ROUTE_NO_METHOD);
    assert_string_equal(match.allow, "GET, HEAD, DELETE");
    assert_int_equal(find(HTTP_OTHER, "/keys"), ROUTE_NO_METHOD);
    assert_string_equal(match.allow, "GET, HEAD, POST");
    assert_int_equal(find(HTTP_DELETE, "/keys/current"), ROUTE_NO_METHOD); /* not that of {id} */
    assert_string_equal(match.allow, "GET, HEAD");
    assert_int_equal(find(HTTP_GET, "/projects/PRJ-2/members/3"), ROUTE_NO_METHOD);
    assert_string_equal(match.allow, "PUT");
}

static void
test_the_role_that_a_route_asks_for(void **state)
{
    (void)state;
    assert_null(route_least_role(&rows[2]));
    assert_string_equal(route_least_role(&rows[9]), "project_admin");
    assert_string_equal(route_least_role(&rows[10]), "guest");
    assert_string_equal(route_least_role(&rows[11]), "user");
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_finds),
        TEST(test_several_placeholders_in_a_path),
        TEST(test_the_rest_of_a_path),
        TEST(test_finds_nothing_else),
        TEST(test_names_the_methods_that_a_path_takes),
        TEST(test_the_role_that_a_route_asks_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
