#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "scripted_db.h"
#include "worker/jobs.h"
#include "worker/listen.h"
#include <cmocka.h>
#include <signal.h>

#define START_MS 1000000

static struct stop *stop;

static void
at(int64_t milliseconds)
{
    clock_freeze((START_MS + milliseconds) * 1000, 0);
}

static int
begin(void **state)
{
    log_setup("test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    scripted_reset();
    at(0);
    stop = stop_new();
    *state = jobs_new(NULL);
    jobs_wake_all(*state);
    return 0;
}

static int
end(void **state)
{
    jobs_free(*state);
    stop_free(stop);
    clock_release();
    return 0;
}

static const enum query everything[] = {
    QUERY_WORKER_END_LEAVERS_TOKENS,
    QUERY_WORKER_DELETE_LEAVERS_SESSIONS,
    QUERY_WORKER_EXPIRE_TOKENS,
    QUERY_WORKER_REMIND,
    QUERY_WORKER_ERASE_HASHES,
    QUERY_WORKER_SUM_UP_USAGE,
    QUERY_WORKER_ANSWER_PASSWORD_REQUESTS,
    QUERY_WORKER_ROUTE_OUTBOX,
    QUERY_WORKER_DIGEST,
    QUERY_WORKER_COMPOSE_MAILS,
    QUERY_WORKER_MAKE_PARTITIONS,
    QUERY_WORKER_PRUNE_USAGE,
    QUERY_WORKER_PRUNE_EXECUTIONS,
    QUERY_WORKER_FORGET_UPLOADS,
    QUERY_WORKER_FORGET_RATE_BUDGETS,
    QUERY_WORKER_DELETE_EXPIRED_SESSIONS,
    QUERY_WORKER_DELETE_EXPIRED_LINKS,
    QUERY_WORKER_PRUNE_MESSAGES,
    QUERY_WORKER_DELETE_STALE_HEARTBEATS,
};
static const enum query every_round[] = { QUERY_WORKER_EXPIRE_TOKENS, QUERY_WORKER_REMIND,
                                          QUERY_WORKER_ERASE_HASHES };

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void
assert_asked(const enum query *expected, int count)
{
    assert_int_equal(scripted.order_count, count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(scripted.order[i], expected[i]);
    }
    scripted_forget();
}

static void
test_first_round_runs_everything_leavers_first(void **state)
{
    assert_int_equal(jobs_round(*state, &scripted, stop), 0);
    assert_asked(everything, COUNT(everything));
    assert_true(jobs_complete(*state));
}

static void
test_later_rounds_run_what_deadlines_bring(void **state)
{
    jobs_round(*state, &scripted, stop);
    scripted_forget();
    assert_int_equal(jobs_round(*state, &scripted, stop), 0);
    assert_asked(every_round, COUNT(every_round));
}

static void
test_minute_and_hour(void **state)
{
    jobs_round(*state, &scripted, stop);
    scripted_forget();
    assert_int_equal(jobs_next_ms(*state), START_MS + 60000);
    at(59999);
    jobs_round(*state, &scripted, stop);
    assert_asked(every_round, COUNT(every_round));
    at(60000);
    jobs_round(*state, &scripted, stop);
    assert_asked(everything, 10);
    assert_int_equal(jobs_next_ms(*state), START_MS + 120000);
    at(3600000);
    jobs_round(*state, &scripted, stop);
    assert_asked(everything, COUNT(everything));
}

static void
test_notification_wakes_who_listens(void **state)
{
    jobs_round(*state, &scripted, stop);
    scripted_forget();
    jobs_wake(*state, LISTEN_TOKENS | LISTEN_REMINDERS);
    jobs_round(*state, &scripted, stop);
    assert_asked(every_round, COUNT(every_round));
    jobs_wake(*state, LISTEN_USERS);
    jobs_round(*state, &scripted, stop);
    assert_asked(everything, 5);
}

static void
test_job_with_work_runs_again(void **state)
{
    scripted.answers[QUERY_WORKER_END_LEAVERS_TOKENS].number = 200;
    scripted.answers[QUERY_WORKER_REMIND].number = 3;
    assert_int_equal(jobs_round(*state, &scripted, stop), 203);
    scripted_forget();
    scripted.answers[QUERY_WORKER_END_LEAVERS_TOKENS].number = 0;
    scripted.answers[QUERY_WORKER_REMIND].number = 0;
    assert_int_equal(jobs_round(*state, &scripted, stop), 0);
    assert_int_equal(scripted.calls[QUERY_WORKER_END_LEAVERS_TOKENS], 1);
    assert_int_equal(scripted.calls[QUERY_WORKER_DELETE_LEAVERS_SESSIONS], 0);
    scripted_forget();
    jobs_round(*state, &scripted, stop);
    assert_int_equal(scripted.calls[QUERY_WORKER_END_LEAVERS_TOKENS], 0);
}

static void
fail_expire(void)
{
    scripted.answers[QUERY_WORKER_EXPIRE_TOKENS] =
        (struct db_result){ .status = DB_REFUSED, .sqlstate = "40P01" };
}

static void
test_failing_job_waits_and_holds_up_nobody(void **state)
{
    fail_expire();
    assert_int_equal(jobs_round(*state, &scripted, stop), 0);
    assert_asked(everything, COUNT(everything));
    assert_false(jobs_complete(*state));
    int64_t next = jobs_next_ms(*state);
    assert_in_range(next, START_MS + 500, START_MS + 1000);

    jobs_wake(*state, LISTEN_TOKENS);
    jobs_round(*state, &scripted, stop);
    assert_int_equal(scripted.calls[QUERY_WORKER_EXPIRE_TOKENS], 0);
    assert_int_equal(scripted.calls[QUERY_WORKER_REMIND], 1);

    at(next - START_MS);
    scripted.answers[QUERY_WORKER_EXPIRE_TOKENS] = (struct db_result){ .number = 7 };
    assert_int_equal(jobs_round(*state, &scripted, stop), 7);
    assert_true(jobs_complete(*state));
}

static void
test_retries_come_later_each_time_up_to_a_minute(void **state)
{
    fail_expire();
    int64_t now = 0, last = 0;
    int attempts = 0;
    while (now < 20 * 60000) {
        scripted_forget();
        jobs_round(*state, &scripted, stop);
        if (scripted.calls[QUERY_WORKER_EXPIRE_TOKENS] > 0) {
            assert_true(now - last <= 60000);
            last = now;
            attempts++;
        }
        assert_true(jobs_next_ms(*state) > START_MS + now);
        now = jobs_next_ms(*state) - START_MS;
        at(now);
    }
    /* 7 within the first minute or so, then one every 30 to 60 seconds. */
    assert_in_range(attempts, 20, 50);
}

static void
test_backlog_goes_before_what_people_are_told(void **state)
{
    scripted.answers[QUERY_WORKER_EXPIRE_TOKENS].number = 1000;
    scripted.answers[QUERY_WORKER_ROUTE_OUTBOX].number = 1;
    jobs_round(*state, &scripted, stop);
    assert_int_equal(scripted.calls[QUERY_WORKER_ROUTE_OUTBOX], 0);
    assert_int_equal(scripted.calls[QUERY_WORKER_COMPOSE_MAILS], 0);
    assert_true(jobs_tried(*state));
    assert_true(jobs_complete(*state));

    /* The outbox is read in between, so that nothing waits for long. */
    at(4999);
    jobs_round(*state, &scripted, stop);
    assert_int_equal(scripted.calls[QUERY_WORKER_ROUTE_OUTBOX], 0);
    at(5000);
    jobs_round(*state, &scripted, stop);
    assert_int_equal(scripted.calls[QUERY_WORKER_ROUTE_OUTBOX], 1);
    jobs_round(*state, &scripted, stop);
    assert_int_equal(scripted.calls[QUERY_WORKER_ROUTE_OUTBOX], 1);

    /* No full batch: no backlog. But the outbox has one. */
    scripted.answers[QUERY_WORKER_EXPIRE_TOKENS].number = 999;
    scripted.answers[QUERY_WORKER_ROUTE_OUTBOX].number = 500;
    jobs_round(*state, &scripted, stop);
    assert_int_equal(scripted.calls[QUERY_WORKER_ROUTE_OUTBOX], 2);
    assert_int_equal(scripted.calls[QUERY_WORKER_COMPOSE_MAILS], 0);

    scripted.answers[QUERY_WORKER_ROUTE_OUTBOX].number = 1;
    jobs_round(*state, &scripted, stop);
    assert_int_equal(scripted.calls[QUERY_WORKER_COMPOSE_MAILS], 1);
}

static void
test_endless_backlog_does_not_keep_mails_for_ever(void **state)
{
    scripted.answers[QUERY_WORKER_ROUTE_OUTBOX].number = 500;
    jobs_round(*state, &scripted, stop);
    at(599999);
    jobs_round(*state, &scripted, stop);
    assert_int_equal(scripted.calls[QUERY_WORKER_COMPOSE_MAILS], 0);
    at(600000);
    jobs_round(*state, &scripted, stop);
    assert_int_equal(scripted.calls[QUERY_WORKER_COMPOSE_MAILS], 1);
}

static void
test_lost_connection_ends_the_round(void **state)
{
    scripted.answers[QUERY_WORKER_DELETE_LEAVERS_SESSIONS].status = DB_UNAVAILABLE;
    assert_int_equal(jobs_round(*state, &scripted, stop), 0);
    assert_asked(everything, 2);
    assert_false(jobs_complete(*state));

    scripted.alive = true;
    scripted.answers[QUERY_WORKER_DELETE_LEAVERS_SESSIONS].status = DB_OK;
    jobs_wake_all(*state);
    jobs_round(*state, &scripted, stop);
    assert_asked(everything, COUNT(everything));
    assert_true(jobs_complete(*state));
}

static void
test_stop_ends_the_round(void **state)
{
    raise(SIGTERM);
    assert_int_equal(jobs_round(*state, &scripted, stop), 0);
    assert_int_equal(scripted.order_count, 0);
    assert_false(jobs_complete(*state));

    sigset_t set;
    int taken;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigwait(&set, &taken);
    jobs_round(*state, &scripted, stop);
    assert_true(jobs_complete(*state));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_first_round_runs_everything_leavers_first, begin, end),
        cmocka_unit_test_setup_teardown(test_later_rounds_run_what_deadlines_bring, begin, end),
        cmocka_unit_test_setup_teardown(test_minute_and_hour, begin, end),
        cmocka_unit_test_setup_teardown(test_notification_wakes_who_listens, begin, end),
        cmocka_unit_test_setup_teardown(test_job_with_work_runs_again, begin, end),
        cmocka_unit_test_setup_teardown(test_failing_job_waits_and_holds_up_nobody, begin, end),
        cmocka_unit_test_setup_teardown(test_retries_come_later_each_time_up_to_a_minute, begin, end),
        cmocka_unit_test_setup_teardown(test_backlog_goes_before_what_people_are_told, begin, end),
        cmocka_unit_test_setup_teardown(test_endless_backlog_does_not_keep_mails_for_ever, begin, end),
        cmocka_unit_test_setup_teardown(test_lost_connection_ends_the_round, begin, end),
        cmocka_unit_test_setup_teardown(test_stop_ends_the_round, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
