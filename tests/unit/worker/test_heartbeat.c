#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "scripted_db.h"
#include "worker/heartbeat.h"
#include <cmocka.h>
#include <unistd.h>

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
    at(0);
    *state = heartbeat_new(true);
    return 0;
}

static int
end(void **state)
{
    heartbeat_free(*state);
    clock_release();
    return 0;
}

static void
test_name_and_version(void **state)
{
    char host[256], expected[300];
    assert_int_equal(gethostname(host, sizeof(host)), 0);
    snprintf(expected, sizeof(expected), "%s:%ld", host, (long)getpid());
    heartbeat_beat(*state, &scripted);
    assert_string_equal(scripted.values[0], expected);
    assert_string_equal(scripted.values[1], TESTKASE_VERSION);
}

static void
test_beats_every_15_seconds(void **state)
{
    heartbeat_beat(*state, &scripted);
    assert_string_equal(scripted.values[2], "true");
    assert_int_equal(heartbeat_next_ms(*state), 1015000);
    at(14999);
    heartbeat_beat(*state, &scripted);
    assert_int_equal(scripted.calls[QUERY_WORKER_BEAT], 1);
    at(15000);
    heartbeat_beat(*state, &scripted);
    assert_int_equal(scripted.calls[QUERY_WORKER_BEAT], 2);
    assert_string_equal(scripted.values[2], "false");
}

static void
test_failed_first_beat_stays_the_first(void **state)
{
    scripted.answers[QUERY_WORKER_BEAT].status = DB_REFUSED;
    heartbeat_beat(*state, &scripted);
    scripted.answers[QUERY_WORKER_BEAT].status = DB_OK;
    heartbeat_beat(*state, &scripted);
    assert_int_equal(scripted.calls[QUERY_WORKER_BEAT], 1);
    at(15000);
    heartbeat_beat(*state, &scripted);
    assert_string_equal(scripted.values[2], "true");
}

static void
test_end_removes_its_own_row(void **state)
{
    char worker[96];
    heartbeat_beat(*state, &scripted);
    snprintf(worker, sizeof(worker), "%s", scripted.values[0]);
    heartbeat_end(*state, &scripted);
    assert_int_equal(scripted.calls[QUERY_WORKER_END_HEARTBEAT], 1);
    assert_string_equal(scripted.values[0], worker);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_name_and_version, begin, end),
        cmocka_unit_test_setup_teardown(test_beats_every_15_seconds, begin, end),
        cmocka_unit_test_setup_teardown(test_failed_first_beat_stays_the_first, begin, end),
        cmocka_unit_test_setup_teardown(test_end_removes_its_own_row, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
