#include "server/metrics.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_a_histogram_counts_up_to_its_bounds(void **state)
{
    (void)state;
    struct histogram histogram = { 0 };
    histogram_add(&histogram, metrics_latency_bounds, 0);
    histogram_add(&histogram, metrics_latency_bounds, 100);
    histogram_add(&histogram, metrics_latency_bounds, 101);
    histogram_add(&histogram, metrics_latency_bounds, 5000000);
    histogram_add(&histogram, metrics_latency_bounds, 5000001);
    assert_int_equal(counter_read(&histogram.buckets[0]), 2);
    assert_int_equal(counter_read(&histogram.buckets[1]), 1);
    assert_int_equal(counter_read(&histogram.buckets[METRICS_BUCKETS - 1]), 1);
    assert_int_equal(counter_read(&histogram.buckets[METRICS_BUCKETS]), 1);
    assert_int_equal(counter_read(&histogram.sum), 10000202);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_histogram_counts_up_to_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
