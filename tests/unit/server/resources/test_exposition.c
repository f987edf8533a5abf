#include "server/auth/hasher.h"
#include "server/auth/rate_limits.h"
#include "server/http/status.h"
#include "server/loop.h"
#include "server/resources/exposition.h"
#include "server/routes.h"
#include "server/server.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 2

static struct config config;
static struct server server;
static struct route_table *table;
static struct loop loops[THREADS];
static char *text;

static int
set_up(void **state)
{
    (void)state;
    const struct hasher_options options = {
        .parallel = 1, .token_queue = 1, .password_queue = 1, .creation_queue = 1
    };
    memset(loops, 0, sizeof(loops));
    config.threads = THREADS;
    server.config = &config;
    server.loops = loops;
    server.routes = table = route_table_new(routes, routes_count);
    server.hasher = hasher_new(&options);
    server.rate_limits = rate_limits_new(600, 120);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    hasher_free(server.hasher);
    rate_limits_free(server.rate_limits);
    route_table_free(table);
    free(text);
    text = NULL;
    return 0;
}

static void
write_text(void)
{
    size_t length;
    free(text);
    text = exposition_write(&server, &length);
    assert_int_equal(length, strlen(text));
}

static void
assert_line(const char *line)
{
    char whole[512];
    snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (!strstr(text, whole)) {
        fail_msg("no line \"%s\"", line);
    }
}

static void
test_the_loops_are_summed(void **state)
{
    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        counter_add(&loops[i].metrics.rate_limited, 3);
        counter_set(&loops[i].metrics.connections, 10 + i);
        counter_set(&loops[i].metrics.usage_lag_ms, 1000 * (i + 1));
        counter_add(&loops[i].metrics.requests[0][http_status_index(200)], 1);
        histogram_add(&loops[i].metrics.latency[0], metrics_latency_bounds, 200);
    }
    write_text();
    assert_line("testkase_rate_limited_total 6");
    assert_line("testkase_http_connections 21");
    assert_line("testkase_usage_flush_lag_seconds 2"); /* the longest */
    assert_line("testkase_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 2");
    assert_line(
        "testkase_http_request_duration_seconds_bucket{method=\"GET\",route=\"/healthz\",le=\"0.0001\"} 0");
    assert_line(
        "testkase_http_request_duration_seconds_bucket{method=\"GET\",route=\"/healthz\",le=\"0.00025\"} 2");
    assert_line(
        "testkase_http_request_duration_seconds_bucket{method=\"GET\",route=\"/healthz\",le=\"+Inf\"} 2");
    assert_line("testkase_http_request_duration_seconds_sum{method=\"GET\",route=\"/healthz\"} 0.0004");
    assert_line("testkase_http_request_duration_seconds_count{method=\"GET\",route=\"/healthz\"} 2");
}

static void
test_what_matched_no_route_has_a_label_too(void **state)
{
    (void)state;
    counter_add(&loops[0].metrics.requests[route_table_index(table, NULL)][http_status_index(404)], 1);
    write_text();
    assert_line("testkase_http_requests_total{method=\"any\",route=\"none\",status=\"404\"} 1");
}

static void
test_every_name_is_explained_once(void **state)
{
    (void)state;
    write_text();
    int names = 0;
    for (char *line = strstr(text, "# HELP "); line; line = strstr(line + 1, "\n# HELP ")) {
        char name[128], again[160];
        line += *line == '\n';
        assert_int_equal(sscanf(line, "# HELP %127s", name), 1);
        snprintf(again, sizeof(again), "# HELP %s ", name);
        assert_null(strstr(line + 1, again));
        snprintf(again, sizeof(again), "# TYPE %s ", name);
        assert_non_null(strstr(line, again));
        names++;
    }
    assert_true(names > 15);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_loops_are_summed),
        TEST(test_what_matched_no_route_has_a_label_too),
        TEST(test_every_name_is_explained_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
