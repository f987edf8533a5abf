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
#include <time.h>

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
    char *id;
    char *attempt;
    CURL *curl;  /* NULL once it has ended */
    void *state; /* the carrier's */
    struct verdict verdict;
    TAILQ_ENTRY(transfer) entry;
};

TAILQ_HEAD(transfers, transfer);

/* One carrier's thread. They do not share one, because libcurl waits for some answers of a mail server, like
 * that to a whole mail, without letting go of the thread. */
struct sender {
    const struct carrier *carrier;
    struct metrics_delivery *counts;
    const struct config *config;
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
    size_t under_way;
    struct open_sockets sockets;
    struct transfers running; /* with curl */
    struct transfers ended;   /* to be recorded */
};

struct dispatcher {
    const struct config *config;
    struct metrics *metrics;
    const struct stop *stop;
    bool is_started;
    struct sender *senders[CARRIERS_COUNT]; /* NULL: the carrier is not configured */
};

/* --- the database --- */

static void
drop_connection(struct sender *sender)
{
    retry_failed(&sender->connection, "", db_sync_error(sender->db));
    db_sync_close(sender->db);
    sender->db = NULL;
    sender->connect_again_ms =
        clock_monotonic_ms() + retry_delay_ms(sender->connection.failures, RETRY_FIRST_MS, RETRY_MOST_MS);
}

static bool
is_connected(struct sender *sender)
{
    if (sender->db || clock_monotonic_ms() < sender->connect_again_ms) {
        return sender->db != NULL;
    }
    char error[512];
    const struct db_sync_options options = {
        .url = sender->config->database_url,
        .application_name = "testkase-worker",
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .schema = DB_SYNC_SCHEMA_CHECKED,
        .history = &sender->history,
        .hosts = &sender->hosts,
    };
    if (db_sync_open(&options, &sender->db, error, sizeof(error)) == 0) {
        retry_worked(&sender->connection);
        return true;
    }
    sender->db = NULL;
    retry_failed(&sender->connection, "", error);
    sender->connect_again_ms =
        clock_monotonic_ms() + retry_delay_ms(sender->connection.failures, RETRY_FIRST_MS, RETRY_MOST_MS);
    return false;
}

/* Returns the result, or NULL when it failed; that is logged. */
static struct db_result *
call(struct sender *sender, enum query query, const struct db_value *values)
{
    struct db_result *result = db_sync_call(sender->db, query, values);
    if (db_status(result) == DB_OK) {
        retry_worked(&sender->statements);
        return result;
    }
    if (db_status(result) == DB_REFUSED) {
        retry_failed(&sender->statements, db_sqlstate(result), db_message(result));
    }
    db_result_free(result);
    if (!db_sync_alive(sender->db)) {
        drop_connection(sender);
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
count_verdict(const struct sender *sender, const struct transfer *transfer)
{
    struct metrics_delivery *counts = sender->counts;
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
log_verdict(const struct sender *sender, const struct transfer *transfer)
{
    if (transfer->verdict.outcome != VERDICT_SENT) {
        log_warning(
            "could not deliver", log_text("kind", sender->carrier->name), log_text("id", transfer->id),
            log_text("outcome", outcome_name(transfer->verdict.outcome)),
            log_number("status", transfer->verdict.status), log_text("error", transfer->verdict.error));
    }
}

static void
end(struct sender *sender, struct transfer *transfer)
{
    log_verdict(sender, transfer);
    count_verdict(sender, transfer);
    TAILQ_INSERT_TAIL(&sender->ended, transfer, entry);
}

static void
forget(struct sender *sender, struct transfer *transfer)
{
    sender->under_way--;
    free(transfer->id);
    free(transfer->attempt);
    free(transfer);
}

static bool
record(struct sender *sender, const struct transfer *transfer)
{
    char status[24], retry_after[24];
    snprintf(status, sizeof(status), "%ld", transfer->verdict.status);
    snprintf(retry_after, sizeof(retry_after), "%ld", transfer->verdict.retry_after_seconds);
    const struct db_value values[] = {
        DB_TEXT(transfer->id), DB_TEXT(transfer->attempt), DB_TEXT(outcome_name(transfer->verdict.outcome)),
        DB_TEXT(status),       DB_TEXT(retry_after),       DB_TEXT(transfer->verdict.error),
    };
    struct db_result *result = call(sender, sender->carrier->record, values);
    db_result_free(result);
    return result != NULL;
}

/* What could not be recorded for want of a connection waits; no more is taken meanwhile, since it counts as
 * under way. */
static void
record_ended(struct sender *sender)
{
    for (struct transfer *transfer; (transfer = TAILQ_FIRST(&sender->ended));) {
        if (!is_connected(sender) || !record(sender, transfer)) {
            return;
        }
        TAILQ_REMOVE(&sender->ended, transfer, entry);
        forget(sender, transfer);
        sender->look_ms = 0;
    }
}

/* --- transfers --- */

/* Keeps the digest of the secret that a message carries, if it carries one. False when it must not be sent.
 */
static bool
keep_secret(struct sender *sender, const struct transfer *transfer)
{
    const struct carrier *carrier = sender->carrier;
    const unsigned char *digest = carrier->digest ? carrier->digest(transfer->state) : NULL;
    if (!digest) {
        return true;
    }
    if (!is_connected(sender)) {
        return false;
    }
    const struct db_value values[] = {
        DB_TEXT(transfer->id),
        DB_BINARY((const char *)digest, SECRET_DIGEST_SIZE),
    };
    struct db_result *kept = call(sender, carrier->keep, values);
    bool is_kept = kept && db_rows(kept) > 0;
    db_result_free(kept);
    return is_kept;
}

static void
give_up(struct sender *sender, struct transfer *transfer)
{
    sender->carrier->end(transfer->state, transfer->curl, CURLE_ABORTED_BY_CALLBACK, &transfer->verdict);
    curl_easy_cleanup(transfer->curl);
    transfer->curl = NULL;
    end(sender, transfer);
}

static void
start(struct sender *sender, const struct db_result *rows, int row)
{
    struct transfer *transfer = memory_new(1, sizeof(*transfer));
    transfer->id = memory_duplicate(db_text(rows, row, db_column(rows, "id")));
    transfer->attempt = memory_duplicate(db_text(rows, row, db_column(rows, "attempt")));
    sender->under_way++;
    transfer->curl = curl_easy_init();
    if (!transfer->curl) {
        log_out_of_memory();
    }
    curl_easy_setopt(transfer->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(transfer->curl, CURLOPT_PRIVATE, transfer);
    open_sockets_watch(&sender->sockets, transfer->curl);
    /* The end of a transfer does not wait for a name server that does not answer. */
    curl_easy_setopt(transfer->curl, CURLOPT_QUICK_EXIT, 1L);
    transfer->state = sender->carrier->begin(sender->config, transfer->curl, rows, row, &transfer->verdict);
    if (!transfer->state) {
        curl_easy_cleanup(transfer->curl);
        transfer->curl = NULL;
        end(sender, transfer);
        return;
    }
    if (!keep_secret(sender, transfer)) {
        give_up(sender, transfer);
        return;
    }
    curl_multi_add_handle(sender->multi, transfer->curl);
    TAILQ_INSERT_TAIL(&sender->running, transfer, entry);
}

static void
finish(struct sender *sender, struct transfer *transfer, CURLcode code)
{
    TAILQ_REMOVE(&sender->running, transfer, entry);
    curl_multi_remove_handle(sender->multi, transfer->curl);
    sender->carrier->end(transfer->state, transfer->curl, code, &transfer->verdict);
    curl_easy_cleanup(transfer->curl);
    transfer->curl = NULL;
    end(sender, transfer);
}

static void
finish_completed(struct sender *sender)
{
    int left;
    for (const CURLMsg *message; (message = curl_multi_info_read(sender->multi, &left));) {
        if (message->msg == CURLMSG_DONE) {
            CURLcode code = message->data.result;
            struct transfer *transfer = NULL;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            finish(sender, transfer, code);
        }
    }
}

static void
take(struct sender *sender)
{
    size_t room = sender->carrier->most - sender->under_way;
    if (room == 0 || !is_connected(sender)) {
        return;
    }
    char limit[24];
    snprintf(limit, sizeof(limit), "%zu", room);
    struct db_result *rows =
        call(sender, sender->carrier->claim, (const struct db_value[]){ DB_TEXT(limit) });
    for (int row = 0; rows && row < db_rows(rows); row++) {
        start(sender, rows, row);
    }
    db_result_free(rows);
}

static void
take_what_is_due(struct sender *sender)
{
    if (atomic_exchange(&sender->woken, false)) {
        sender->look_ms = 0;
    }
    if (clock_monotonic_ms() < sender->look_ms) {
        return;
    }
    take(sender);
    /* When there is more than could be taken, the next end of a transfer brings the next look. */
    sender->look_ms = clock_monotonic_ms() + LOOK_EVERY_MS;
}

/* --- the thread --- */

static void
turn(struct sender *sender)
{
    int running;
    curl_multi_perform(sender->multi, &running);
    finish_completed(sender);
    record_ended(sender);
}

/* Waits for the transfers, or until woken. What could not be recorded is tried again soon. */
static void
rest(struct sender *sender, int64_t wait_ms)
{
    if (!TAILQ_EMPTY(&sender->ended)) {
        wait_ms = RETRY_FIRST_MS;
    }
    if (wait_ms > 0 && !atomic_load(&sender->woken)) {
        curl_multi_poll(sender->multi, NULL, 0, (int)wait_ms, NULL);
    }
}

/* Lets every transfer run out of time. One that is taken away from libcurl instead, in the middle of a mail,
 * is ended as if the mail were whole. */
static void
abort_running(struct sender *sender)
{
    struct transfer *transfer;
    TAILQ_FOREACH (transfer, &sender->running, entry) {
        curl_easy_setopt(transfer->curl, CURLOPT_TIMEOUT_MS, 1L);
    }
    open_sockets_shut(&sender->sockets);
    int64_t end_ms = clock_monotonic_ms() + ABORT_MOST_MS;
    while (!TAILQ_EMPTY(&sender->running) && clock_monotonic_ms() < end_ms) {
        int running;
        curl_multi_perform(sender->multi, &running);
        finish_completed(sender);
        curl_multi_poll(sender->multi, NULL, 0, 10, NULL);
    }
}

static void
drain(struct sender *sender)
{
    int64_t end_ms = clock_monotonic_ms() + STOP_MOST_MS;
    while ((!TAILQ_EMPTY(&sender->running) || !TAILQ_EMPTY(&sender->ended)) &&
           clock_monotonic_ms() < end_ms) {
        turn(sender);
        atomic_store(&sender->woken, false);
        rest(sender, TAILQ_EMPTY(&sender->running) ? 0 : RETRY_FIRST_MS);
    }
    abort_running(sender);
    while (!TAILQ_EMPTY(&sender->running)) {
        finish(sender, TAILQ_FIRST(&sender->running), CURLE_ABORTED_BY_CALLBACK);
    }
    record_ended(sender);
    for (struct transfer *transfer; (transfer = TAILQ_FIRST(&sender->ended));) {
        TAILQ_REMOVE(&sender->ended, transfer, entry);
        forget(sender, transfer);
    }
}

static void *
run(void *argument)
{
    struct sender *sender = argument;
    /* The signal is looked for here, too: when PostgreSQL hangs, this thread and the worker's own wait for it
     * at the same time, not one after the other. */
    while (!atomic_load(&sender->stopping) && !stop_requested(sender->stop)) {
        take_what_is_due(sender);
        turn(sender);
        rest(sender, sender->look_ms - clock_monotonic_ms());
    }
    drain(sender);
    db_sync_close(sender->db);
    db_hosts_clear(&sender->hosts);
    return NULL;
}

static struct sender *
sender_new(const struct carrier *carrier, struct metrics_delivery *counts, const struct config *config,
           const struct stop *stop)
{
    struct sender *sender = memory_new(1, sizeof(*sender));
    sender->carrier = carrier;
    sender->counts = counts;
    sender->config = config;
    sender->stop = stop;
    sender->connection.what = "connection for deliveries";
    sender->statements.what = "statements of deliveries";
    TAILQ_INIT(&sender->running);
    TAILQ_INIT(&sender->ended);
    open_sockets_init(&sender->sockets);
    sender->multi = curl_multi_init();
    if (!sender->multi || pthread_create(&sender->thread, NULL, run, sender) != 0) {
        log_out_of_memory();
    }
    return sender;
}

/* When the thread does not end in time, libcurl waits for a server that does not answer, and is woken by its
 * sockets, which are shut. */
static void
join(struct sender *sender)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += (STOP_MOST_MS + ABORT_MOST_MS) / 1000;
    if (pthread_timedjoin_np(sender->thread, NULL, &end) != 0) {
        open_sockets_shut(&sender->sockets);
        pthread_join(sender->thread, NULL);
    }
}

static void
sender_free(struct sender *sender)
{
    join(sender);
    curl_multi_cleanup(sender->multi);
    open_sockets_clear(&sender->sockets);
    free(sender);
}

struct dispatcher *
dispatcher_new(const struct config *config, struct metrics *metrics, const struct stop *stop)
{
    struct dispatcher *dispatcher = memory_new(1, sizeof(*dispatcher));
    dispatcher->config = config;
    dispatcher->metrics = metrics;
    dispatcher->stop = stop;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (size_t i = 0; i < CARRIERS_COUNT; i++) {
        metrics->deliveries[i].name = carriers[i]->name;
    }
    return dispatcher;
}

void
dispatcher_start(struct dispatcher *dispatcher)
{
    for (size_t i = 0; i < CARRIERS_COUNT && !dispatcher->is_started; i++) {
        if (carriers[i]->is_configured(dispatcher->config)) {
            dispatcher->senders[i] = sender_new(carriers[i], &dispatcher->metrics->deliveries[i],
                                                dispatcher->config, dispatcher->stop);
        }
    }
    dispatcher->is_started = true;
}

void
dispatcher_wake(struct dispatcher *dispatcher)
{
    for (size_t i = 0; i < CARRIERS_COUNT; i++) {
        struct sender *sender = dispatcher->senders[i];
        if (sender) {
            atomic_store(&sender->woken, true);
            curl_multi_wakeup(sender->multi);
        }
    }
}

void
dispatcher_free(struct dispatcher *dispatcher)
{
    if (!dispatcher) {
        return;
    }
    for (size_t i = 0; i < CARRIERS_COUNT; i++) {
        if (dispatcher->senders[i]) {
            atomic_store(&dispatcher->senders[i]->stopping, true);
            curl_multi_wakeup(dispatcher->senders[i]->multi);
        }
    }
    for (size_t i = 0; i < CARRIERS_COUNT; i++) {
        if (dispatcher->senders[i]) {
            sender_free(dispatcher->senders[i]);
        }
    }
    curl_global_cleanup();
    free(dispatcher);
}
