#include "common/db_sync.h"
#include "common/clock.h"
#include "common/db_libpq.h"
#include "common/db_url.h"
#include "common/memory.h"
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK_GRACE_MS 5000
#define SECOND_CLIENT_MS 1000 /* for its statement */
#define SECOND_CLIENTS   3    /* are tried: another client of the pooler may come in between */

struct db_sync {
    PGconn *connection;
    PGnotify *notification;
    int statement_timeout_ms;
    struct db_hosts *hosts; /* may be NULL */
    struct db_libpq_schema schema;
    bool dead;
    bool shared; /* other clients use the session */
    bool prepared[QUERY_COUNT];
    char error[512];
};

static struct db_result *
lost(struct db_sync *db, const char *why)
{
    db->dead = true;
    db_libpq_one_line(why, db->error, sizeof(db->error));
    return db_result_new(DB_UNAVAILABLE, NULL);
}

static void
pass_host_over(struct db_sync *db)
{
    if (db->hosts) {
        db_hosts_pass_over(db->hosts, db->connection);
    }
}

static struct db_result *
lost_in_silence(struct db_sync *db)
{
    pass_host_over(db);
    return lost(db, "PostgreSQL did not answer in time");
}

/* Waits until a whole result has arrived; false when the connection is dead or the deadline has passed. */
static bool
wait_for_result(struct db_sync *db, int64_t deadline)
{
    while (PQisBusy(db->connection)) {
        struct pollfd waiting = { .fd = PQsocket(db->connection), .events = POLLIN };
        if (PQflush(db->connection) > 0) {
            waiting.events |= POLLOUT;
        }
        int64_t left = deadline - clock_monotonic_ms();
        if (left <= 0 || poll(&waiting, 1, left > 1000 ? 1000 : (int)left) < 0) {
            if (left <= 0) {
                return false;
            }
            continue; /* EINTR */
        }
        if (waiting.revents && !PQconsumeInput(db->connection)) {
            return false;
        }
    }
    return true;
}

/* Reads all results of what was sent. The first error counts or, without one, the last result. */
static struct db_result *
collect(struct db_sync *db)
{
    /* Without a statement time-out (migrations), PostgreSQL may take as long as it needs; keep-alives detect
     * a dead connection. */
    int64_t limit =
        db->statement_timeout_ms > 0 ? db->statement_timeout_ms + NETWORK_GRACE_MS : INT64_MAX / 2;
    int64_t deadline = clock_monotonic_ms() + limit;
    PGresult *kept = NULL;
    while (1) {
        if (!wait_for_result(db, deadline)) {
            PQclear(kept);
            return PQstatus(db->connection) == CONNECTION_BAD ? lost(db, PQerrorMessage(db->connection))
                                                              : lost_in_silence(db);
        }
        PGresult *next = PQgetResult(db->connection);
        if (!next) {
            break;
        }
        if (kept && db_result_judge(kept) == DB_REFUSED) {
            PQclear(next);
            continue;
        }
        PQclear(kept);
        kept = next;
    }
    if (!kept || PQstatus(db->connection) == CONNECTION_BAD) {
        PQclear(kept);
        return lost(db, PQerrorMessage(db->connection));
    }
    struct db_result *result = db_result_new(db_result_judge(kept), kept);
    if (db_status(result) == DB_REFUSED) {
        db->shared |= db_libpq_is_shared_session(result);
        const char *message =
            db->shared ? DB_LIBPQ_SHARED_SESSION : PQresultErrorField(kept, PG_DIAG_MESSAGE_PRIMARY);
        db_libpq_one_line(message ? message : "refused", db->error, sizeof(db->error));
    }
    return result;
}

static bool
prepare(struct db_sync *db, enum query query, struct db_result **ret_failure)
{
    if (db->prepared[query]) {
        return true;
    }
    char name[DB_LIBPQ_NAME_SIZE];
    db_libpq_statement_name(query, name);
    if (!PQsendPrepare(db->connection, name, query_texts[query].sql, 0, NULL)) {
        *ret_failure = lost(db, PQerrorMessage(db->connection));
        return false;
    }
    struct db_result *result = collect(db);
    if (db_status(result) != DB_OK) {
        *ret_failure = result;
        return false;
    }
    db_result_free(result);
    db->prepared[query] = true;
    return true;
}

struct db_result *
db_sync_call(struct db_sync *db, enum query query, const struct db_value *values)
{
    if (!db_sync_alive(db)) {
        return db_result_new(DB_UNAVAILABLE, NULL);
    }
    struct db_result *failure = NULL;
    if (!prepare(db, query, &failure)) {
        return failure;
    }
    struct db_libpq_parameters parameters;
    char name[DB_LIBPQ_NAME_SIZE];
    db_libpq_parameters_set(&parameters, query, values);
    db_libpq_statement_name(query, name);
    if (!PQsendQueryPrepared(db->connection, name, parameters.count, parameters.values, parameters.lengths,
                             parameters.formats, 0)) {
        return lost(db, PQerrorMessage(db->connection));
    }
    return collect(db);
}

struct db_result *
db_sync_script(struct db_sync *db, const char *sql)
{
    if (!db_sync_alive(db)) {
        return db_result_new(DB_UNAVAILABLE, NULL);
    }
    if (!PQsendQuery(db->connection, sql)) {
        return lost(db, PQerrorMessage(db->connection));
    }
    return collect(db);
}

/* Notices are dropped: they may quote values, and everything important is an error. */
static void
drop_notice(void *argument, const char *message)
{
    (void)argument;
    (void)message;
}

static int
connect_to(struct db_sync *db, const char *url, const char *application_name)
{
    const char *refusal = db_url_refusal(url);
    if (refusal) {
        snprintf(db->error, sizeof(db->error), "%s", refusal);
        return -1;
    }
    struct db_libpq_connect_parameters parameters;
    db_libpq_connect_parameters_set(
        &parameters, url, application_name,
        db->statement_timeout_ms > 0 ? db->statement_timeout_ms + NETWORK_GRACE_MS : 0, db->hosts);
    db->connection = PQconnectdbParams(parameters.keywords, parameters.values, 1);
    if (PQstatus(db->connection) != CONNECTION_OK) {
        db_libpq_one_line(PQerrorMessage(db->connection), db->error, sizeof(db->error));
        return -1;
    }
    PQsetNoticeProcessor(db->connection, drop_notice, NULL);
    return PQsetnonblocking(db->connection, 1);
}

static int
make_first_settings(struct db_sync *db)
{
    int outcome = 0;
    for (int i = 0; outcome == 0 && i < DB_LIBPQ_FIRST_COUNT; i++) {
        struct db_result *result = db_sync_script(db, db_libpq_first[i]);
        outcome = db_status(result) == DB_OK ? 0 : -1;
        db_result_free(result);
    }
    return outcome;
}

static int
make_settings(struct db_sync *db)
{
    if (make_first_settings(db) < 0) {
        return -1;
    }
    struct db_value values[] = { DB_INT64(db->statement_timeout_ms), DB_INT64(db->statement_timeout_ms / 2) };
    struct db_result *result = db_sync_call(db, QUERY_DB_SESSION, values);
    int outcome = db_status(result) == DB_OK ? 0 : -1;
    const char *refusal = outcome == 0 ? db_libpq_session_refusal(result) : NULL;
    if (refusal) {
        snprintf(db->error, sizeof(db->error), "%s", refusal);
        outcome = -1;
    }
    db_result_free(result);
    return outcome;
}

static int
follow_history(struct db_sync *db, struct db_history *history)
{
    struct db_result *result = db_sync_call(db, QUERY_DB_HISTORY, NULL);
    db_timeline timeline = db_libpq_timeline(result);
    bool is_old = timeline && !db_history_follow(history, timeline);
    db_result_free(result);
    if (is_old) {
        db_libpq_old_timeline(timeline, db_history_newest(history), db->error, sizeof(db->error));
        pass_host_over(db);
    }
    return is_old ? -1 : 0;
}

static int
read_schema_version(struct db_sync *db)
{
    struct db_result *result = db_sync_call(db, QUERY_DB_SCHEMA_VERSION, NULL);
    int outcome = db_libpq_schema_read(result, &db->schema);
    db_result_free(result);
    return outcome;
}

int
db_sync_open(const struct db_sync_options *options, struct db_sync **ret_db, char *ret_error,
             size_t error_size)
{
    int outcome;
    struct db_sync *db = memory_new(1, sizeof(*db));
    db->statement_timeout_ms = options->statement_timeout_ms;
    db->hosts = options->hosts;
    if (connect_to(db, options->url, options->application_name) < 0 || make_settings(db) < 0 ||
        (options->history && follow_history(db, options->history) < 0)) {
        snprintf(ret_error, error_size, "%s", db->error);
        goto failed;
    }
    if (db_sync_read_schema(db, options->schema, ret_error, error_size) < 0) {
        goto failed;
    }
    db->error[0] = '\0';
    *ret_db = db;
    return 0;
failed:
    outcome = db->shared ? DB_SYNC_SHARED : -1;
    db_sync_close(db);
    return outcome;
}

/* Reads the number of the process behind the connection; 0 when there is no answer. */
static int64_t
read_backend(struct db_sync *db)
{
    struct db_result *result = db_sync_call(db, QUERY_DB_BACKEND, NULL);
    int64_t pid = db_status(result) == DB_OK ? db_int64(result, 0, 0) : 0;
    db_result_free(result);
    return pid;
}

/* Whether a second client gets the session of this one, whose process is `pid`. A pooler gives away the
 * session that it got back last. While all its sessions are in use it gives none, so they are not shared. */
static bool
is_given_away(const char *url, const char *application_name, int64_t pid)
{
    struct db_sync other = { .statement_timeout_ms = SECOND_CLIENT_MS };
    int64_t other_pid = connect_to(&other, url, application_name) == 0 ? read_backend(&other) : 0;
    PQfinish(other.connection);
    return other.shared || other_pid == pid;
}

int
db_sync_check_session(struct db_sync *db, const char *url, const char *application_name, char *ret_error,
                      size_t error_size)
{
    int64_t pid = read_backend(db);
    if (pid == PQbackendPID(db->connection)) {
        return 0;
    }
    for (int i = 0; i < SECOND_CLIENTS && !db->shared && pid; i++) {
        db->shared |= is_given_away(url, application_name, pid);
        db->shared |= !db->shared && read_backend(db) != pid && db_sync_alive(db);
    }
    if (db->shared) {
        snprintf(ret_error, error_size, "%s", DB_LIBPQ_SHARED_SESSION);
    }
    return db->shared ? -1 : 0;
}

int
db_sync_read_schema(struct db_sync *db, enum db_sync_schema schema, char *ret_error, size_t error_size)
{
    if (schema == DB_SYNC_SCHEMA_UNREAD) {
        return 0;
    }
    if (read_schema_version(db) < 0) {
        snprintf(ret_error, error_size, "%s", db->error);
        return -1;
    }
    return schema == DB_SYNC_SCHEMA_ANY || db_sync_schema_fits(db, ret_error, error_size) ? 0 : -1;
}

void
db_sync_close(struct db_sync *db)
{
    if (!db) {
        return;
    }
    PQfreemem(db->notification);
    PQfinish(db->connection);
    free(db);
}

const char *
db_sync_error(const struct db_sync *db)
{
    return db->error;
}

bool
db_sync_alive(const struct db_sync *db)
{
    return !db->dead && PQstatus(db->connection) == CONNECTION_OK;
}

bool
db_sync_schema_fits(const struct db_sync *db, char *ret_error, size_t error_size)
{
    return db_libpq_schema_fits(&db->schema, ret_error, error_size);
}

int
db_sync_descriptor(const struct db_sync *db)
{
    return PQsocket(db->connection);
}

bool
db_sync_notification(struct db_sync *db, const char **ret_channel, const char **ret_payload)
{
    PQfreemem(db->notification);
    db->notification = NULL;
    if (!db_sync_alive(db)) {
        return false;
    }
    if (!PQconsumeInput(db->connection)) {
        db->dead = true;
        db_libpq_one_line(PQerrorMessage(db->connection), db->error, sizeof(db->error));
        return false;
    }
    db->notification = PQnotifies(db->connection);
    if (!db->notification) {
        return false;
    }
    *ret_channel = db->notification->relname;
    *ret_payload = db->notification->extra;
    return true;
}
