#include "worker/jobs.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/retry.h"
#include "common/service.h"
#include "worker/listen.h"
#include "worker/metrics.h"
#include <stdlib.h>

#define MINUTE_MS      INT64_C(60000)
#define HOUR_MS        (60 * MINUTE_MS)
#define RETRY_FIRST_MS 1000
#define RETRY_MOST_MS  MINUTE_MS

/* After an outage, tokens are ended first. Mails are made when all is in the notices that they list, since a
 * person gets one mail a day. */
#define ROUTE_PATIENCE_MS   5000
#define COMPOSE_PATIENCE_MS (10 * MINUTE_MS)

/* In the order of a round. The jobs for leavers come first, so that a leaver's tokens are ended for that
 * reason, instead of expiring or causing a reminder. */
static const struct job {
    const char *name;
    enum query query;
    unsigned channels;   /* a notification on one of these makes it run */
    int64_t every_ms;    /* so often at least; 0: in every round, because its work comes by deadlines */
    int64_t batch;       /* as many rows at once mean that there is a backlog; 0: nobody waits for it */
    int64_t patience_ms; /* so long it waits while the jobs before it have a backlog */
    bool refuses;        /* its query tells how many requests were over a cap */
} jobs_table[] = {
    { "leavers_tokens", QUERY_WORKER_END_LEAVERS_TOKENS, .channels = LISTEN_USERS, .every_ms = MINUTE_MS,
      .batch = 200 },
    { "leavers_sessions", QUERY_WORKER_DELETE_LEAVERS_SESSIONS, .channels = LISTEN_USERS,
      .every_ms = MINUTE_MS },
    { "expire", QUERY_WORKER_EXPIRE_TOKENS, .channels = LISTEN_TOKENS, .batch = 1000 },
    { "remind", QUERY_WORKER_REMIND, .channels = LISTEN_REMINDERS, .batch = 1000 },
    { "erase_hashes", QUERY_WORKER_ERASE_HASHES, .every_ms = 0 },
    { "sum_up_usage", QUERY_WORKER_SUM_UP_USAGE, .every_ms = MINUTE_MS },
    { "password_requests", QUERY_WORKER_ANSWER_PASSWORD_REQUESTS, .channels = LISTEN_OUTBOX,
      .every_ms = MINUTE_MS, .refuses = true },
    { "route_outbox", QUERY_WORKER_ROUTE_OUTBOX, .channels = LISTEN_OUTBOX, .every_ms = MINUTE_MS,
      .batch = 500, .patience_ms = ROUTE_PATIENCE_MS },
    { "digest", QUERY_WORKER_DIGEST, .every_ms = MINUTE_MS },
    { "compose_mails", QUERY_WORKER_COMPOSE_MAILS, .channels = LISTEN_OUTBOX, .every_ms = MINUTE_MS,
      .patience_ms = COMPOSE_PATIENCE_MS },
    { "make_partitions", QUERY_WORKER_MAKE_PARTITIONS, .every_ms = HOUR_MS },
    { "prune_usage", QUERY_WORKER_PRUNE_USAGE, .every_ms = HOUR_MS },
    { "prune_executions", QUERY_WORKER_PRUNE_EXECUTIONS, .every_ms = HOUR_MS },
    { "forget_uploads", QUERY_WORKER_FORGET_UPLOADS, .every_ms = HOUR_MS },
    { "forget_rate_budgets", QUERY_WORKER_FORGET_RATE_BUDGETS, .every_ms = HOUR_MS },
    { "expired_sessions", QUERY_WORKER_DELETE_EXPIRED_SESSIONS, .every_ms = HOUR_MS },
    { "expired_links", QUERY_WORKER_DELETE_EXPIRED_LINKS, .every_ms = HOUR_MS },
    { "prune_messages", QUERY_WORKER_PRUNE_MESSAGES, .every_ms = HOUR_MS },
    { "stale_heartbeats", QUERY_WORKER_DELETE_STALE_HEARTBEATS, .every_ms = HOUR_MS },
};

#define JOB_COUNT (sizeof(jobs_table) / sizeof(jobs_table[0]))

struct job_state {
    int64_t next_ms;
    int64_t rows;     /* changed since it last found no work */
    int64_t since_ms; /* since when it waits for a backlog of the jobs before it; 0: it does not wait */
    bool was_tried;   /* since jobs_wake_all() */
    struct retry retry;
};

struct jobs {
    struct job_state states[JOB_COUNT];
    struct metrics *metrics;
};

struct jobs *
jobs_new(struct metrics *metrics)
{
    _Static_assert(JOB_COUNT < METRICS_JOBS, "metrics have room for every job");
    struct jobs *jobs = memory_new(1, sizeof(*jobs));
    jobs->metrics = metrics;
    for (size_t i = 0; i < JOB_COUNT; i++) {
        jobs->states[i].retry.what = jobs_table[i].name;
        if (metrics) {
            metrics->jobs[i].name = jobs_table[i].name;
        }
    }
    return jobs;
}

void
jobs_free(struct jobs *jobs)
{
    free(jobs);
}

void
jobs_wake_all(struct jobs *jobs)
{
    for (size_t i = 0; i < JOB_COUNT; i++) {
        jobs->states[i].next_ms = 0;
        jobs->states[i].was_tried = false;
    }
}

void
jobs_wake(struct jobs *jobs, unsigned channels)
{
    for (size_t i = 0; i < JOB_COUNT; i++) {
        if ((jobs_table[i].channels & channels) && jobs->states[i].retry.failures == 0) {
            jobs->states[i].next_ms = 0;
        }
    }
}

/* Logs one line for a whole backlog, not one for each batch. */
static void
note_success(const struct job *job, struct job_state *state, int64_t rows)
{
    retry_worked(&state->retry);
    state->was_tried = true;
    state->rows += rows;
    state->next_ms = rows > 0 ? 0 : clock_monotonic_ms() + job->every_ms;
    if (rows == 0 && state->rows > 0) {
        log_info("job done", log_text("job", job->name), log_number("rows", state->rows));
        state->rows = 0;
    }
}

static void
note_failure(struct job_state *state, const struct db_result *result)
{
    retry_failed(&state->retry, db_sqlstate(result), db_message(result));
    state->was_tried = true;
    state->next_ms =
        clock_monotonic_ms() + retry_delay_ms(state->retry.failures, RETRY_FIRST_MS, RETRY_MOST_MS);
}

/* Whoever requested too much must not learn of it, so the operator is told. */
static void
note_refused(const struct job *job, const struct db_result *result)
{
    int64_t person = db_int64(result, 0, db_column(result, "of_person"));
    int64_t organization = db_int64(result, 0, db_column(result, "of_organization"));
    int64_t network = db_int64(result, 0, db_column(result, "of_network"));
    if (person + organization + network > 0) {
        log_warning("requested links were not mailed", log_text("job", job->name),
                    log_number("of_person", person), log_number("of_organization", organization),
                    log_number("of_network", network));
    }
}

static int64_t
run_batch(const struct job *job, struct job_state *state, struct db_sync *db)
{
    int64_t rows = 0;
    struct db_result *result = db_sync_call(db, job->query, NULL);
    if (db_status(result) == DB_OK) {
        rows = db_int64(result, 0, 0);
        note_success(job, state, rows);
        if (job->refuses) {
            note_refused(job, result);
        }
    } else if (db_status(result) == DB_REFUSED) {
        note_failure(state, result);
    }
    db_result_free(result);
    return rows;
}

/* A job that waits is not failing, so it counts as tried. */
static bool
must_wait(const struct job *job, struct job_state *state, bool backlog)
{
    int64_t now = clock_monotonic_ms();
    if (!backlog || job->patience_ms == 0) {
        state->since_ms = 0;
        return false;
    }
    if (state->since_ms == 0) {
        state->since_ms = now;
    }
    if (now - state->since_ms >= job->patience_ms) {
        state->since_ms = now;
        return false;
    }
    state->was_tried = true;
    return true;
}

static void
count_run(const struct jobs *jobs, size_t job, int64_t rows)
{
    if (jobs->metrics) {
        atomic_fetch_add(&jobs->metrics->jobs[job].runs, 1);
        atomic_fetch_add(&jobs->metrics->jobs[job].rows, (uint64_t)rows);
        atomic_fetch_add(&jobs->metrics->jobs[job].failures, jobs->states[job].retry.failures > 0);
    }
}

int64_t
jobs_round(struct jobs *jobs, struct db_sync *db, const struct stop *stop)
{
    int64_t changed = 0;
    bool backlog = false;
    for (size_t i = 0; i < JOB_COUNT && db_sync_alive(db) && !stop_requested(stop); i++) {
        const struct job *job = &jobs_table[i];
        struct job_state *state = &jobs->states[i];
        service_watchdog();
        if (state->next_ms <= clock_monotonic_ms() && !must_wait(job, state, backlog)) {
            int64_t rows = run_batch(job, state, db);
            count_run(jobs, i, rows);
            changed += rows;
            backlog = backlog || (job->batch > 0 && rows >= job->batch);
        }
    }
    return changed;
}

bool
jobs_tried(const struct jobs *jobs)
{
    for (size_t i = 0; i < JOB_COUNT; i++) {
        if (!jobs->states[i].was_tried) {
            return false;
        }
    }
    return true;
}

bool
jobs_complete(const struct jobs *jobs)
{
    for (size_t i = 0; i < JOB_COUNT; i++) {
        if (!jobs->states[i].was_tried || jobs->states[i].retry.failures > 0) {
            return false;
        }
    }
    return true;
}

int64_t
jobs_next_ms(const struct jobs *jobs)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < JOB_COUNT; i++) {
        const struct job_state *state = &jobs->states[i];
        bool waits = jobs_table[i].every_ms > 0 || state->retry.failures > 0;
        if (waits && state->next_ms < next) {
            next = state->next_ms;
        }
    }
    return next;
}
