#include "server/request/endpoint.h"
#include "server/routes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Appends a segment that the placeholder `name` takes. */
static void
fill(char *path, const char *name)
{
    static const char *const prefixes[][2] = { { "project}", "PRJ-" },
                                               { "cycle}", "TCYCLE-" },
                                               { "case}", "TC-" } };
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(name, prefixes[i][0], strlen(prefixes[i][0])) == 0) {
            strcat(path, prefixes[i][1]);
        }
    }
    strcat(path, "7");
}

static void
test_every_route_is_found_by_its_own_path(void **state)
{
    (void)state;
    struct route_table *table = route_table_new(routes, routes_count);
    for (size_t i = 0; i < routes_count; i++) {
        char path[128] = "";
        for (const char *at = routes[i].pattern; *at; at++) {
            if (*at == '{') {
                fill(path, at + 1);
                at = strchr(at, '}');
            } else {
                strncat(path, at, 1);
            }
        }
        struct route_match match;
        enum http_method method = routes[i].method == HTTP_ANY ? HTTP_OTHER : routes[i].method;
        assert_int_equal(route_table_find(table, method, (struct http_slice){ path, strlen(path) }, &match),
                         ROUTE_FOUND);
        assert_ptr_equal(match.route, &routes[i]);
    }
    route_table_free(table);
}

static void
test_every_route_is_handled_in_one_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        assert_true(!routes[i].handle != !routes[i].endpoint);
        if (routes[i].endpoint && routes[i].endpoint->inputs) {
            const struct input *inputs = routes[i].endpoint->inputs;
            for (; inputs->name; inputs++) {
                assert_true(inputs->in_query || routes[i].body_max > 0);
            }
        }
    }
}

static void
test_every_parameter_of_a_statement_is_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        const char *unbound = routes[i].endpoint ? endpoint_unbound(&routes[i]) : NULL;
        if (unbound) {
            fail_msg("%s: nothing binds :%s", routes[i].pattern, unbound);
        }
    }
}

/* A role in a project that no statement checks would be no check at all. */
static void
test_a_project_role_is_asked_of_the_statement(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count; i++) {
        if (!routes[i].endpoint || !route_least_role(&routes[i])) {
            continue;
        }
        const struct query_text *text = &query_texts[routes[i].endpoint->query];
        bool asks = false;
        for (int j = 0; j < text->parameters; j++) {
            asks = asks || strcmp(text->names[j], "least_role") == 0;
        }
        assert_true(asks);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_is_found_by_its_own_path),
        cmocka_unit_test(test_every_route_is_handled_in_one_way),
        cmocka_unit_test(test_every_parameter_of_a_statement_is_bound),
        cmocka_unit_test(test_a_project_role_is_asked_of_the_statement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
