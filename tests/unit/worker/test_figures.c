#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "scripted_db.h"
#include "worker/figures.h"
#include "worker/metrics.h"
#include <cmocka.h>
#include <time.h>

static struct metrics metrics;

static void
at(int64_t milliseconds)
{
    clock_freeze((1000000 + milliseconds) * 1000, 0);
}

static int
begin(void **state)
{
    log_setup("test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    scripted_reset();
    memset(&metrics, 0, sizeof(metrics));
    at(0);
    *state = figures_new(&metrics);
    return 0;
}

static int
end(void **state)
{
    figures_free(*state);
    clock_release();
    return 0;
}

static void
test_each_figure_has_the_number_of_its_column(void **state)
{
    time_t before = time(NULL);
    scripted.answers[QUERY_WORKER_FIGURES].number = 100;
    figures_refresh(*state, &scripted);
    assert_int_equal(scripted.column_count, METRICS_FIGURES);
    for (int i = 0; i < METRICS_FIGURES; i++) {
        assert_string_equal(scripted.columns[i], metrics_figures[i].column);
        assert_int_equal(metrics.figures[i], 101 + i);
    }
    assert_true(metrics.figures_at >= before && metrics.figures_at <= time(NULL));
}

static void
test_once_a_minute(void **state)
{
    figures_refresh(*state, &scripted);
    assert_int_equal(figures_next_ms(*state), 1060000);
    at(59999);
    figures_refresh(*state, &scripted);
    assert_int_equal(scripted.calls[QUERY_WORKER_FIGURES], 1);
    at(60000);
    figures_refresh(*state, &scripted);
    assert_int_equal(scripted.calls[QUERY_WORKER_FIGURES], 2);
}

static void
test_a_failure_keeps_the_last_numbers(void **state)
{
    scripted.answers[QUERY_WORKER_FIGURES].number = 100;
    figures_refresh(*state, &scripted);
    metrics.figures_at = 7;
    scripted.answers[QUERY_WORKER_FIGURES] = (struct db_result){ .status = DB_REFUSED, .number = 500 };
    at(60000);
    figures_refresh(*state, &scripted);
    assert_int_equal(metrics.figures[0], 101);
    assert_int_equal(metrics.figures_at, 7);
    scripted.answers[QUERY_WORKER_FIGURES] = (struct db_result){ .status = DB_OK, .number = 500 };
    at(120000);
    figures_refresh(*state, &scripted);
    assert_int_equal(metrics.figures[0], 501);
}

static void
test_figures_of_one_name_stand_together(void **state)
{
    (void)state;
    for (int i = 0; i < METRICS_FIGURES; i++) {
        for (int j = i + 2; j < METRICS_FIGURES; j++) {
            if (strcmp(metrics_figures[i].name, metrics_figures[j].name) == 0) {
                assert_string_equal(metrics_figures[j - 1].name, metrics_figures[j].name);
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_figure_has_the_number_of_its_column, begin, end),
        cmocka_unit_test_setup_teardown(test_once_a_minute, begin, end),
        cmocka_unit_test_setup_teardown(test_a_failure_keeps_the_last_numbers, begin, end),
        cmocka_unit_test(test_figures_of_one_name_stand_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
