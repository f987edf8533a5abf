#include "worker/delivery/dispatcher.h"
#include "common/clock.h"
#include "common/db_sync.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/retry.h"
#include "common/secret.h"
#include "worker/delivery/carrier.h"
#include "worker/delivery/carriers.h"
#include "worker/delivery/open_sockets.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#define STATEMENT_TIMEOUT_MS 3000
#define RETRY_FIRST_MS       200
#define RETRY_MOST_MS        10000

/* How often to look without being woken: for rows whose next attempt has come, and for those that another
 * worker made. */
#define LOOK_EVERY_MS 5000

/* How long transfers may go on after a stop was asked for, and how long libcurl may take to end them. */
#define STOP_MOST_MS  5000
#define ABORT_MOST_MS 1000

struct transfer {
    const struct carrier *carrier;
    char *id;
    CURL *curl;  /* NULL once it has ended */
    void *state; /* the carrier's */
    struct verdict verdict;
    TAILQ_ENTRY(transfer) entry;
};

TAILQ_HEAD(transfers, transfer);

struct dispatcher {
    const struct config *config;
    struct metrics *metrics;
    const struct stop *stop;
    CURLM *multi;
    pthread_t thread;
    atomic_bool stopping;
    atomic_bool woken;
    struct db_sync *db; /* NULL: no connection now */
    struct db_history history;
    struct db_hosts hosts;
    int64_t connect_again_ms; /* the earliest */
    struct retry connection;
    struct retry statements;
    int64_t look_ms; /* when to look next */
    size_t under_way[CARRIERS_COUNT];
    struct open_sockets sockets;
    struct transfers running; /* with curl */
    struct transfers ended;   /* to be recorded */
};

static size_t
place_of(const struct carrier *carrier)
{
    for (size_t i = 0; i < CARRIERS_COUNT; i++) {
        if (carriers[i] == carrier) {
            return i;
        }
    }
    abort();
}

/* --- the database --- */

static void
drop_connection(struct dispatcher *dispatcher)
{
    retry_failed(&dispatcher->connection, "", db_sync_error(dispatcher->db));
    db_sync_close(dispatcher->db);
    dispatcher->db = NULL;
    dispatcher->connect_again_ms =
        clock_monotonic_ms() + retry_delay_ms(dispatcher->connection.failures, RETRY_FIRST_MS, RETRY_MOST_MS);
}

static bool
is_connected(struct dispatcher *dispatcher)
{
    if (dispatcher->db || clock_monotonic_ms() < dispatcher->connect_again_ms) {
        return dispatcher->db != NULL;
    }
    char error[512];
    const struct db_sync_options options = {
        .url = dispatcher->config->database_url,
        .application_name = "testkase-worker",
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .schema = DB_SYNC_SCHEMA_CHECKED,
        .history = &dispatcher->history,
        .hosts = &dispatcher->hosts,
    };
    if (db_sync_open(&options, &dispatcher->db, error, sizeof(error)) == 0) {
        retry_worked(&dispatcher->connection);
        return true;
    }
    dispatcher->db = NULL;
    retry_failed(&dispatcher->connection, "", error);
    dispatcher->connect_again_ms =
        clock_monotonic_ms() + retry_delay_ms(dispatcher->connection.failures, RETRY_FIRST_MS, RETRY_MOST_MS);
    return false;
}

/* Returns the result, or NULL when it failed; that is logged. */
static struct db_result *
call(struct dispatcher *dispatcher, enum query query, const struct db_value *values)
{
    struct db_result *result = db_sync_call(dispatcher->db, query, values);
    if (db_status(result) == DB_OK) {
        retry_worked(&dispatcher->statements);
        return result;
    }
    if (db_status(result) == DB_REFUSED) {
        retry_failed(&dispatcher->statements, db_sqlstate(result), db_message(result));
    }
    db_result_free(result);
    if (!db_sync_alive(dispatcher->db)) {
        drop_connection(dispatcher);
    }
    return NULL;
}

/* --- ends of transfers --- */

static const char *
outcome_name(enum verdict_outcome outcome)
{
    switch (outcome) {
    case VERDICT_SENT:
        return "sent";
    case VERDICT_TRY_AGAIN:
        return "try_again";
    case VERDICT_REFUSED:
        return "refused";
    }
    abort();
}

static void
count_verdict(const struct dispatcher *dispatcher, const struct transfer *transfer)
{
    struct metrics_delivery *counts = &dispatcher->metrics->deliveries[place_of(transfer->carrier)];
    switch (transfer->verdict.outcome) {
    case VERDICT_SENT:
        atomic_fetch_add(&counts->sent, 1);
        break;
    case VERDICT_TRY_AGAIN:
        atomic_fetch_add(&counts->failed, 1);
        break;
    case VERDICT_REFUSED:
        atomic_fetch_add(&counts->refused, 1);
        break;
    }
}

static void
log_verdict(const struct transfer *transfer)
{
    if (transfer->verdict.outcome != VERDICT_SENT) {
        log_warning(
            "could not deliver", log_text("kind", transfer->carrier->name), log_text("id", transfer->id),
            log_text("outcome", outcome_name(transfer->verdict.outcome)),
            log_number("status", transfer->verdict.status), log_text("error", transfer->verdict.error));
    }
}

static void
end(struct dispatcher *dispatcher, struct transfer *transfer)
{
    log_verdict(transfer);
    count_verdict(dispatcher, transfer);
    TAILQ_INSERT_TAIL(&dispatcher->ended, transfer, entry);
}

static void
forget(struct dispatcher *dispatcher, struct transfer *transfer)
{
    dispatcher->under_way[place_of(transfer->carrier)]--;
    free(transfer->id);
    free(transfer);
}

static bool
record(struct dispatcher *dispatcher, const struct transfer *transfer)
{
    char status[24], retry_after[24];
    snprintf(status, sizeof(status), "%ld", transfer->verdict.status);
    snprintf(retry_after, sizeof(retry_after), "%ld", transfer->verdict.retry_after_seconds);
    const struct db_value values[] = {
        DB_TEXT(transfer->id),
        DB_TEXT(outcome_name(transfer->verdict.outcome)),
        DB_TEXT(status),
        DB_TEXT(retry_after),
        DB_TEXT(transfer->verdict.error),
    };
    struct db_result *result = call(dispatcher, transfer->carrier->record, values);
    db_result_free(result);
    return result != NULL;
}

/* What could not be recorded for want of a connection waits; no more is taken meanwhile, since it counts as
 * under way. */
static void
record_ended(struct dispatcher *dispatcher)
{
    for (struct transfer *transfer; (transfer = TAILQ_FIRST(&dispatcher->ended));) {
        if (!is_connected(dispatcher) || !record(dispatcher, transfer)) {
            return;
        }
        TAILQ_REMOVE(&dispatcher->ended, transfer, entry);
        forget(dispatcher, transfer);
        dispatcher->look_ms = 0;
    }
}

/* --- transfers --- */

/* Keeps the digest of the secret that a message carries, if it carries one. False when it must not be sent.
 */
static bool
keep_secret(struct dispatcher *dispatcher, const struct transfer *transfer)
{
    const struct carrier *carrier = transfer->carrier;
    const unsigned char *digest = carrier->digest ? carrier->digest(transfer->state) : NULL;
    if (!digest) {
        return true;
    }
    if (!is_connected(dispatcher)) {
        return false;
    }
    const struct db_value values[] = {
        DB_TEXT(transfer->id),
        DB_BINARY((const char *)digest, SECRET_DIGEST_SIZE),
    };
    struct db_result *kept = call(dispatcher, carrier->keep, values);
    bool is_kept = kept && db_rows(kept) > 0;
    db_result_free(kept);
    return is_kept;
}

static void
give_up(struct dispatcher *dispatcher, struct transfer *transfer)
{
    transfer->carrier->end(transfer->state, transfer->curl, CURLE_ABORTED_BY_CALLBACK, &transfer->verdict);
    curl_easy_cleanup(transfer->curl);
    transfer->curl = NULL;
    end(dispatcher, transfer);
}

static void
start(struct dispatcher *dispatcher, const struct carrier *carrier, const struct db_result *rows, int row)
{
    struct transfer *transfer = memory_new(1, sizeof(*transfer));
    transfer->carrier = carrier;
    transfer->id = memory_duplicate(db_text(rows, row, db_column(rows, "id")));
    dispatcher->under_way[place_of(carrier)]++;
    transfer->curl = curl_easy_init();
    if (!transfer->curl) {
        log_out_of_memory();
    }
    curl_easy_setopt(transfer->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(transfer->curl, CURLOPT_PRIVATE, transfer);
    open_sockets_watch(&dispatcher->sockets, transfer->curl);
    /* The end of a transfer does not wait for a name server that does not answer. */
    curl_easy_setopt(transfer->curl, CURLOPT_QUICK_EXIT, 1L);
    transfer->state = carrier->begin(dispatcher->config, transfer->curl, rows, row, &transfer->verdict);
    if (!transfer->state) {
        curl_easy_cleanup(transfer->curl);
        transfer->curl = NULL;
        end(dispatcher, transfer);
        return;
    }
    if (!keep_secret(dispatcher, transfer)) {
        give_up(dispatcher, transfer);
        return;
    }
    curl_multi_add_handle(dispatcher->multi, transfer->curl);
    TAILQ_INSERT_TAIL(&dispatcher->running, transfer, entry);
}

static void
finish(struct dispatcher *dispatcher, struct transfer *transfer, CURLcode code)
{
    TAILQ_REMOVE(&dispatcher->running, transfer, entry);
    curl_multi_remove_handle(dispatcher->multi, transfer->curl);
    transfer->carrier->end(transfer->state, transfer->curl, code, &transfer->verdict);
    curl_easy_cleanup(transfer->curl);
    transfer->curl = NULL;
    end(dispatcher, transfer);
}

static void
finish_completed(struct dispatcher *dispatcher)
{
    int left;
    for (const CURLMsg *message; (message = curl_multi_info_read(dispatcher->multi, &left));) {
        if (message->msg == CURLMSG_DONE) {
            CURLcode code = message->data.result;
            struct transfer *transfer = NULL;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            finish(dispatcher, transfer, code);
        }
    }
}

static void
take(struct dispatcher *dispatcher, size_t place)
{
    const struct carrier *carrier = carriers[place];
    size_t room = carrier->most - dispatcher->under_way[place];
    if (room == 0 || !carrier->is_configured(dispatcher->config) || !is_connected(dispatcher)) {
        return;
    }
    char limit[24];
    snprintf(limit, sizeof(limit), "%zu", room);
    struct db_result *rows = call(dispatcher, carrier->claim, (const struct db_value[]){ DB_TEXT(limit) });
    for (int row = 0; rows && row < db_rows(rows); row++) {
        start(dispatcher, carrier, rows, row);
    }
    db_result_free(rows);
}

static void
take_what_is_due(struct dispatcher *dispatcher)
{
    if (atomic_exchange(&dispatcher->woken, false)) {
        dispatcher->look_ms = 0;
    }
    if (clock_monotonic_ms() < dispatcher->look_ms) {
        return;
    }
    for (size_t i = 0; i < CARRIERS_COUNT; i++) {
        take(dispatcher, i);
    }
    /* When there is more than could be taken, the next end of a transfer brings the next look. */
    dispatcher->look_ms = clock_monotonic_ms() + LOOK_EVERY_MS;
}

/* --- the thread --- */

static void
turn(struct dispatcher *dispatcher, int64_t wait_ms)
{
    int running;
    curl_multi_perform(dispatcher->multi, &running);
    finish_completed(dispatcher);
    record_ended(dispatcher);
    if (TAILQ_EMPTY(&dispatcher->ended) && !atomic_load(&dispatcher->woken) && wait_ms > 0) {
        curl_multi_poll(dispatcher->multi, NULL, 0, (int)wait_ms, NULL);
    } else if (!TAILQ_EMPTY(&dispatcher->ended)) {
        curl_multi_poll(dispatcher->multi, NULL, 0, RETRY_FIRST_MS, NULL);
    }
}

/* Lets every transfer run out of time. One that is taken away from libcurl instead, in the middle of a mail,
 * is ended as if the mail were whole. */
static void
abort_running(struct dispatcher *dispatcher)
{
    struct transfer *transfer;
    TAILQ_FOREACH (transfer, &dispatcher->running, entry) {
        curl_easy_setopt(transfer->curl, CURLOPT_TIMEOUT_MS, 1L);
    }
    open_sockets_shut(&dispatcher->sockets);
    int64_t end_ms = clock_monotonic_ms() + ABORT_MOST_MS;
    while (!TAILQ_EMPTY(&dispatcher->running) && clock_monotonic_ms() < end_ms) {
        int running;
        curl_multi_perform(dispatcher->multi, &running);
        finish_completed(dispatcher);
        curl_multi_poll(dispatcher->multi, NULL, 0, 10, NULL);
    }
}

static void
drain(struct dispatcher *dispatcher)
{
    int64_t end_ms = clock_monotonic_ms() + STOP_MOST_MS;
    while ((!TAILQ_EMPTY(&dispatcher->running) || !TAILQ_EMPTY(&dispatcher->ended)) &&
           clock_monotonic_ms() < end_ms) {
        turn(dispatcher, RETRY_FIRST_MS);
    }
    abort_running(dispatcher);
    while (!TAILQ_EMPTY(&dispatcher->running)) {
        finish(dispatcher, TAILQ_FIRST(&dispatcher->running), CURLE_ABORTED_BY_CALLBACK);
    }
    for (struct transfer *transfer; (transfer = TAILQ_FIRST(&dispatcher->ended));) {
        TAILQ_REMOVE(&dispatcher->ended, transfer, entry);
        forget(dispatcher, transfer);
    }
}

static void *
run(void *argument)
{
    struct dispatcher *dispatcher = argument;
    /* The signal is looked for here, too: when PostgreSQL hangs, this thread and the worker's own wait for it
     * at the same time, not one after the other. */
    while (!atomic_load(&dispatcher->stopping) && !stop_requested(dispatcher->stop)) {
        take_what_is_due(dispatcher);
        int64_t wait = dispatcher->look_ms - clock_monotonic_ms();
        turn(dispatcher, wait < 0 ? 0 : wait);
    }
    drain(dispatcher);
    db_sync_close(dispatcher->db);
    db_hosts_clear(&dispatcher->hosts);
    return NULL;
}

struct dispatcher *
dispatcher_new(const struct config *config, struct metrics *metrics, const struct stop *stop)
{
    struct dispatcher *dispatcher = memory_new(1, sizeof(*dispatcher));
    dispatcher->config = config;
    dispatcher->metrics = metrics;
    dispatcher->stop = stop;
    dispatcher->connection.what = "connection for deliveries";
    dispatcher->statements.what = "statements of deliveries";
    TAILQ_INIT(&dispatcher->running);
    TAILQ_INIT(&dispatcher->ended);
    for (size_t i = 0; i < CARRIERS_COUNT; i++) {
        metrics->deliveries[i].name = carriers[i]->name;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    dispatcher->multi = curl_multi_init();
    if (!dispatcher->multi || pthread_create(&dispatcher->thread, NULL, run, dispatcher) != 0) {
        log_out_of_memory();
    }
    return dispatcher;
}

void
dispatcher_wake(struct dispatcher *dispatcher)
{
    atomic_store(&dispatcher->woken, true);
    curl_multi_wakeup(dispatcher->multi);
}

void
dispatcher_free(struct dispatcher *dispatcher)
{
    if (!dispatcher) {
        return;
    }
    atomic_store(&dispatcher->stopping, true);
    curl_multi_wakeup(dispatcher->multi);
    pthread_join(dispatcher->thread, NULL);
    curl_multi_cleanup(dispatcher->multi);
    curl_global_cleanup();
    open_sockets_clear(&dispatcher->sockets);
    free(dispatcher);
}
