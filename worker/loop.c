#include "worker/loop.h"
#include "common/clock.h"
#include "common/db_libpq.h"
#include "common/log.h"
#include "common/retry.h"
#include "common/service.h"
#include "worker/delivery/dispatcher.h"
#include "worker/delivery/mail.h"
#include "worker/figures.h"
#include "worker/heartbeat.h"
#include "worker/jobs.h"
#include "worker/link.h"
#include "worker/listen.h"
#include "worker/metrics.h"
#include <poll.h>
#include <stdio.h>

/* Notifications within this time cause one scan, so that a burst of them does not become a storm of scans. */
#define COALESCE_MS 100

/* If a row is overdue although a round has just found no work, it became due since, or another transaction
 * has locked it: look again, less and less often. */
#define OVERDUE_FIRST_MS 10
#define OVERDUE_MOST_MS  1000

#define SLEEP_MOST_MS 60000

struct loop {
    const struct stop *stop;
    struct link *link;
    struct jobs *jobs;
    struct heartbeat *heartbeat;
    struct figures *figures; /* NULL when nobody can read the metrics */
    struct dispatcher *dispatcher;
    struct metrics metrics;
    struct retry deadline;      /* of the query for it */
    struct retry notifications; /* whether they are sent */
    int overdue;                /* deadlines in a row that had passed already */
    bool deliveries_queued;     /* somebody notified that, and the dispatcher does not know it yet */
    bool ready;
    bool outdated; /* the schema has another version now: connecting again logs that */
};

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Waits at most `wait_ms` for a signal or for `descriptor` (-1: none), and less if the watchdog is due. */
static void
wait_for(const struct loop *loop, int descriptor, int64_t wait_ms)
{
    struct pollfd waiting[] = { { .fd = stop_descriptor(loop->stop), .events = POLLIN },
                                { .fd = descriptor, .events = POLLIN } };
    int64_t watchdog = service_watchdog_interval_ms();
    service_watchdog();
    poll(waiting, 2, (int)(watchdog > 0 ? earlier(watchdog, wait_ms) : wait_ms));
}

static void
pause_for(const struct loop *loop, int64_t pause_ms)
{
    int64_t end = clock_monotonic_ms() + pause_ms;
    while (!stop_requested(loop->stop)) {
        int64_t left = end - clock_monotonic_ms();
        if (left <= 0) {
            return;
        }
        wait_for(loop, -1, left);
    }
}

static int
connect_until_up(struct loop *loop)
{
    while (!stop_requested(loop->stop)) {
        service_watchdog();
        switch (link_open(loop->link)) {
        case LINK_UP:
            return 0;
        case LINK_IMPOSSIBLE:
            return -1;
        case LINK_DOWN:
            break;
        }
        service_status("waiting for PostgreSQL");
        pause_for(loop, link_delay_ms(loop->link));
    }
    return 0;
}

/* Takes the notifications that have arrived; what they say is due is done in the next round. */
static bool
note_changes(struct loop *loop, struct db_sync *db)
{
    unsigned channels = listen_take(db);
    jobs_wake(loop->jobs, channels);
    /* What the server queues for a carrier itself needs no job. */
    loop->deliveries_queued = loop->deliveries_queued || (channels & LISTEN_OUTBOX);
    return channels != 0;
}

/* Works as long as there is work, taking notifications before each round. */
static void
work(struct loop *loop, struct db_sync *db)
{
    int64_t changed;
    do {
        note_changes(loop, db);
        if (loop->deliveries_queued) {
            loop->deliveries_queued = false;
            dispatcher_wake(loop->dispatcher);
        }
        heartbeat_beat(loop->heartbeat, db);
        changed = jobs_round(loop->jobs, db, loop->stop);
        if (changed > 0) {
            dispatcher_wake(loop->dispatcher);
        }
    } while (changed > 0 && db_sync_alive(db) && !stop_requested(loop->stop));
}

/* A job that fails keeps the worker from working as it should, but not from being ready: systemd would end
 * it, and with it the other jobs. */
static void
note_jobs(struct loop *loop)
{
    if (jobs_complete(loop->jobs)) {
        link_settled(loop->link);
        service_status("working");
        atomic_store(&loop->metrics.working, true);
    }
    if (jobs_tried(loop->jobs) && !loop->ready) {
        loop->ready = true;
        service_ready();
        log_info("ready");
    }
}

static int64_t
overdue_delay_ms(struct loop *loop)
{
    loop->overdue++;
    return retry_delay_ms(loop->overdue, OVERDUE_FIRST_MS, OVERDUE_MOST_MS);
}

/* `row` says how full the queue of notifications is, and whether any are sent. Without them, the jobs' own
 * intervals find the work. */
static void
note_notifications(struct loop *loop, const struct db_result *row)
{
    int64_t percent = db_int64(row, 0, 2);
    char why[200];
    atomic_store(&loop->metrics.notification_queue_percent, percent);
    if (db_bool(row, 0, 3)) {
        retry_worked(&loop->notifications);
        return;
    }
    snprintf(
        why, sizeof(why),
        "PostgreSQL's queue of notifications is %d %% full, because a session listens and does not read; "
        "testkase-admin status says what to do",
        (int)percent);
    retry_failed(&loop->notifications, "", why);
}

/* How long the worker may sleep until the next deadline in the database. */
static int64_t
ask_deadline(struct loop *loop, struct db_sync *db)
{
    int64_t delay = SLEEP_MOST_MS;
    struct db_result *result = db_sync_call(db, QUERY_WORKER_NEXT_DEADLINE, NULL);
    if (db_status(result) == DB_OK) {
        retry_worked(&loop->deadline);
        delay = db_int64(result, 0, 0);
        loop->outdated = !db_libpq_version_fits((int)db_int64(result, 0, 1), (int)db_int64(result, 0, 4));
        note_notifications(loop, result);
    } else if (db_status(result) == DB_REFUSED) {
        retry_failed(&loop->deadline, db_sqlstate(result), db_message(result));
        delay = retry_delay_ms(loop->deadline.failures, OVERDUE_MOST_MS, SLEEP_MOST_MS);
    }
    db_result_free(result);
    if (delay == 0) {
        return overdue_delay_ms(loop);
    }
    loop->overdue = 0;
    return delay;
}

/* Sleeps until a deadline, a beat, a notification, or a stop. Takes notifications before each wait, because
 * those that arrived with an answer do not make the socket readable any more. */
static void
sleep_until_needed(struct loop *loop, struct db_sync *db)
{
    int64_t start = clock_monotonic_ms();
    int64_t wake = start + ask_deadline(loop, db);
    wake = earlier(wake, jobs_next_ms(loop->jobs));
    wake = earlier(wake, heartbeat_next_ms(loop->heartbeat));
    wake = loop->figures ? earlier(wake, figures_next_ms(loop->figures)) : wake;
    while (!loop->outdated && !stop_requested(loop->stop)) {
        if (note_changes(loop, db)) {
            wake = earlier(wake, start + COALESCE_MS);
        }
        int64_t left = wake - clock_monotonic_ms();
        if (left <= 0 || !db_sync_alive(db)) {
            return;
        }
        wait_for(loop, db_sync_descriptor(db), left);
    }
}

/* After the jobs, so that their lag is what they left. */
static void
refresh_figures(struct loop *loop, struct db_sync *db)
{
    if (loop->figures && db_sync_alive(db) && !stop_requested(loop->stop)) {
        figures_refresh(loop->figures, db);
    }
}

static void
serve(struct loop *loop)
{
    struct db_sync *db = link_db(loop->link);
    jobs_wake_all(loop->jobs);
    atomic_fetch_add(&loop->metrics.connections, 1);
    atomic_store(&loop->metrics.connected, true);
    while (db_sync_alive(db) && !loop->outdated && !stop_requested(loop->stop)) {
        atomic_store(&loop->metrics.alive_ms, clock_monotonic_ms());
        work(loop, db);
        refresh_figures(loop, db);
        if (db_sync_alive(db) && !stop_requested(loop->stop)) {
            note_jobs(loop);
        }
        sleep_until_needed(loop, db);
    }
    if (db_sync_alive(db) && stop_requested(loop->stop)) {
        heartbeat_end(loop->heartbeat, db);
    }
    link_close(loop->link);
    atomic_store(&loop->metrics.connected, false);
    atomic_store(&loop->metrics.working, false);
    loop->outdated = false;
}

static int
run(struct loop *loop)
{
    while (!stop_requested(loop->stop)) {
        if (connect_until_up(loop) < 0) {
            return -1;
        }
        if (link_db(loop->link)) {
            dispatcher_start(loop->dispatcher);
            serve(loop);
            pause_for(loop, link_delay_ms(loop->link));
        }
    }
    service_stopping();
    return 0;
}

int
loop_run(const struct config *config, const struct stop *stop)
{
    char error[256];
    const char *metrics_address = config->metrics_listen;
    struct loop loop = {
        .stop = stop,
        .link = link_new(config->database_url),
        .heartbeat = heartbeat_new(mail_carrier.is_configured(config)),
        .deadline = { .what = "asking for the next deadline" },
        .notifications = { .what = "notifications" },
    };
    loop.jobs = jobs_new(&loop.metrics);
    struct metrics_server *server = NULL;
    int outcome = 0;
    if (*metrics_address) {
        server = metrics_server_new(metrics_address, &loop.metrics, error, sizeof(error));
        outcome = server ? 0 : -1;
        loop.figures = figures_new(&loop.metrics);
    }
    if (outcome < 0) {
        log_error("cannot start", log_text("reason", error));
    } else {
        loop.dispatcher = dispatcher_new(config, &loop.metrics, stop);
        outcome = run(&loop);
        dispatcher_free(loop.dispatcher);
    }
    metrics_server_free(server);
    figures_free(loop.figures);
    heartbeat_free(loop.heartbeat);
    jobs_free(loop.jobs);
    link_free(loop.link);
    return outcome;
}
