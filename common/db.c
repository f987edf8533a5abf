#include "common/db.h"
#include "common/clock.h"
#include "common/db_libpq.h"
#include "common/db_url.h"
#include "common/memory.h"
#include "common/migrations.h"
#include "common/retry.h"
#include "common/secret.h"
#include <event2/event.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define CONNECT_DEADLINE_MS 5000
#define RETRY_FIRST_MS      50
#define RETRY_MOST_MS       2000
#define LOOK_MS             1000 /* calls to an old primary end this long after a newer timeline was seen */
#define SCHEMA_CHECK_S      10   /* a migration or a disabled trigger is noticed after this long */

enum state {
    STATE_WAITING,    /* until the next attempt to connect */
    STATE_CONNECTING, /* libpq's handshake */
    STATE_PREPARING,  /* session settings, timeline and schema version */
    STATE_USABLE,
};

/* One submitted query. */
struct call {
    STAILQ_ENTRY(call) entry;
    enum query query;
    bool prepares; /* its preparation was sent along with it */
    int64_t deadline_ms;
    struct db_result *result; /* so far */
    db_callback *callback;
    void *argument;
};

/* In the order of their answers. */
struct calls {
    STAILQ_HEAD(call_queue, call) list;
    int count;
};

struct db {
    struct event_base *base;
    struct db_options options;
    char *url;
    char *application_name;
    enum state state;
    PGconn *connection;
    struct event *readable;
    struct event *writable;
    struct event *timer; /* next attempt, the attempt's end, or the oldest call's deadline */
    struct event *schema_check;
    struct event *failing; /* has calls in `failed` to end, or a connection that broke while sending */
    bool timer_pending;
    bool broken;
    bool prepared[QUERY_COUNT];
    struct calls sent;
    struct calls failed;
    int64_t connect_deadline_ms;
    int failures; /* attempts and connections lost in a row */
    struct db_hosts hosts;
    db_timeline timeline;
    bool schema_refused;
    bool history_refused;
    char failure[512];
    void (*on_notification)(const char *channel, void *argument); /* NULL: nobody is told */
    void *notification_argument;
};

static void
append(struct calls *calls, struct call *call)
{
    STAILQ_INSERT_TAIL(&calls->list, call, entry);
    calls->count++;
}

static struct call *
take_first(struct calls *calls)
{
    struct call *call = STAILQ_FIRST(&calls->list);
    if (call) {
        STAILQ_REMOVE_HEAD(&calls->list, entry);
        calls->count--;
    }
    return call;
}

static void
end_call(struct call *call, struct db_result *result)
{
    call->callback(result, call->argument);
    db_result_free(result);
    db_result_free(call->result);
    free(call);
}

/* Fails the present calls; calls that the callbacks submit wait for the next turn of the loop. */
static void
fail_calls(struct calls *calls)
{
    struct calls ending = { .list = STAILQ_HEAD_INITIALIZER(ending.list) };
    STAILQ_CONCAT(&ending.list, &calls->list);
    calls->count = 0;
    struct call *call;
    while ((call = take_first(&ending))) {
        end_call(call, db_result_new(DB_UNAVAILABLE, NULL));
    }
}

static void
arm_timer(struct db *db, int64_t delay_ms)
{
    struct timeval delay = { .tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000 };
    evtimer_add(db->timer, &delay);
    db->timer_pending = true;
}

static void
arm_timer_for_calls(struct db *db, int64_t left_ms)
{
    arm_timer(db, left_ms < LOOK_MS ? left_ms : LOOK_MS);
}

/* --- losing the connection --- */

static void
drop_connection(struct db *db)
{
    if (db->readable) {
        event_free(db->readable);
        event_free(db->writable);
        db->readable = db->writable = NULL;
    }
    PQfinish(db->connection);
    db->connection = NULL;
    db->timeline = 0;
    memset(db->prepared, 0, sizeof(db->prepared));
}

static void
lose_connection(struct db *db, const char *why)
{
    db_libpq_one_line(why, db->failure, sizeof(db->failure));
    drop_connection(db);
    db->state = STATE_WAITING;
    db->broken = false;
    evtimer_del(db->timer);
    db->failures++;
    arm_timer(db, retry_delay_ms(db->failures, RETRY_FIRST_MS, RETRY_MOST_MS));
    fail_calls(&db->sent);
    if (db->options.on_state) {
        db->options.on_state(db, false, db->options.argument);
    }
}

static void
lose_by_libpq(struct db *db)
{
    /* A copy, because the message is freed with the connection. */
    char why[sizeof(db->failure)];
    db_libpq_one_line(PQerrorMessage(db->connection), why, sizeof(why));
    lose_connection(db, *why ? why : "the connection to PostgreSQL was lost");
}

/* Has the loop give the connection up, because callbacks must not run here. */
static void
break_connection(struct db *db, const char *why)
{
    db_libpq_one_line(why, db->failure, sizeof(db->failure));
    db->broken = true;
    event_active(db->failing, 0, 0);
}

/* --- the old primary of a failover --- */

static bool
is_outdated(const struct db *db)
{
    return db->options.history && db_history_is_old(db->options.history, db->timeline);
}

static void
leave_old_primary(struct db *db)
{
    if (db->broken) {
        return;
    }
    char why[sizeof(db->failure)];
    db_libpq_old_timeline(db->timeline, db_history_newest(db->options.history), why, sizeof(why));
    db->history_refused = true;
    db_hosts_pass_over(&db->hosts, db->connection);
    break_connection(db, why);
}

static void
on_failing(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct db *db = argument;
    if (db->broken) {
        lose_connection(db, db->failure);
    }
    fail_calls(&db->failed);
}

/* --- sending --- */

static void
flush(struct db *db)
{
    int left = PQflush(db->connection);
    if (left > 0) {
        event_add(db->writable, NULL);
    } else if (left < 0) {
        break_connection(db, PQerrorMessage(db->connection));
    }
}

static bool
send_query(struct db *db, struct call *call, const struct db_value *values, bool binary)
{
    struct db_libpq_parameters parameters;
    char name[DB_LIBPQ_NAME_SIZE];
    db_libpq_parameters_set(&parameters, call->query, values);
    db_libpq_statement_name(call->query, name);
    if (!db->prepared[call->query]) {
        if (!PQsendPrepare(db->connection, name, query_texts[call->query].sql, 0, NULL)) {
            return false;
        }
        call->prepares = true;
        db->prepared[call->query] = true;
    }
    return PQsendQueryPrepared(db->connection, name, parameters.count, parameters.values, parameters.lengths,
                               parameters.formats, binary) &&
           PQpipelineSync(db->connection);
}

static struct call *
new_call(const struct db *db, enum query query, db_callback *callback, void *argument)
{
    struct call *call = memory_new(1, sizeof(*call));
    call->query = query;
    call->deadline_ms = clock_monotonic_ms() + db->options.call_deadline_ms;
    call->callback = callback;
    call->argument = argument;
    return call;
}

static void
sent_or_broken(struct db *db, struct call *call, bool sent)
{
    append(&db->sent, call);
    if (!sent) {
        break_connection(db, PQerrorMessage(db->connection));
        return;
    }
    flush(db);
    if (!db->timer_pending) {
        arm_timer_for_calls(db, db->options.call_deadline_ms);
    }
}

static void
submit(struct db *db, struct call *call, const struct db_value *values, bool binary)
{
    sent_or_broken(db, call, send_query(db, call, values, binary));
}

void
db_call(struct db *db, enum query query, const struct db_value *values, bool binary, db_callback *callback,
        void *argument)
{
    struct call *call = new_call(db, query, callback, argument);
    if (is_outdated(db)) {
        leave_old_primary(db);
    }
    if (db->state != STATE_USABLE || db->broken || db->sent.count >= db->options.pending_max) {
        append(&db->failed, call);
        event_active(db->failing, 0, 0);
        return;
    }
    submit(db, call, values, binary);
}

/* --- receiving --- */

/* The first error of a call counts; later results only follow from it. */
static void
take_result(struct call *call, PGresult *pg)
{
    bool is_preparation = call->prepares && !call->result && PQresultStatus(pg) == PGRES_COMMAND_OK;
    bool is_echo = call->result && db_status(call->result) == DB_REFUSED;
    call->prepares = call->prepares && !is_preparation;
    if (is_preparation || is_echo) {
        PQclear(pg);
        return;
    }
    db_result_free(call->result);
    call->result = db_result_new(db_result_judge(pg), pg);
}

/* Whether a prepared statement no longer fits the schema, so that the connection is of no use any more. */
static bool
is_stale(const struct db_result *result)
{
    return strcmp(db_sqlstate(result), "0A000") == 0 || strcmp(db_sqlstate(result), "26000") == 0;
}

static bool
finish_call(struct db *db)
{
    struct call *call = take_first(&db->sent);
    struct db_result *result = call->result ? call->result : db_result_new(DB_UNAVAILABLE, NULL);
    call->result = NULL;
    bool stale = is_stale(result);
    if (call->prepares) {
        db->prepared[call->query] = false;
    }
    end_call(call, result);
    return !stale;
}

/* Takes the results that have arrived. False when the connection must be given up. */
static bool
read_results(struct db *db)
{
    int silent = 0;
    while (!STAILQ_EMPTY(&db->sent.list) && !PQisBusy(db->connection)) {
        PGresult *pg = PQgetResult(db->connection);
        if (!pg) {
            /* One NULL follows the results of each statement; more in a row would repeat for ever. */
            if (++silent > 4) {
                return false;
            }
            continue;
        }
        silent = 0;
        if (PQresultStatus(pg) == PGRES_PIPELINE_SYNC) {
            PQclear(pg);
            if (!finish_call(db)) {
                return false;
            }
        } else {
            take_result(STAILQ_FIRST(&db->sent.list), pg);
        }
        if (PQstatus(db->connection) == CONNECTION_BAD) {
            return false;
        }
    }
    return true;
}

static void
take_notifications(struct db *db)
{
    PGnotify *notification;
    while ((notification = PQnotifies(db->connection))) {
        if (db->on_notification) {
            db->on_notification(notification->relname, db->notification_argument);
        }
        PQfreemem(notification);
    }
}

void
db_on_notification(struct db *db, void (*callback)(const char *channel, void *argument), void *argument)
{
    db->on_notification = callback;
    db->notification_argument = argument;
}

static void
on_readable(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct db *db = argument;
    if (is_outdated(db)) { /* its answers are not even read */
        leave_old_primary(db);
        return;
    }
    if (!PQconsumeInput(db->connection) || !read_results(db) || PQstatus(db->connection) == CONNECTION_BAD) {
        lose_by_libpq(db);
        return;
    }
    take_notifications(db);
}

static void
on_writable(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    flush(argument);
}

/* --- connecting --- */

/* Gives the connection up for good. */
static void
refuse_database(struct db *db, const char *why)
{
    db->schema_refused = true;
    break_connection(db, why);
}

static void
on_schema_version(const struct db_result *result, void *argument)
{
    struct db *db = argument;
    struct db_libpq_schema schema;
    if (db_status(result) == DB_UNAVAILABLE || db->broken) {
        return;
    }
    if (db_libpq_is_shared_session(result)) {
        refuse_database(db, DB_LIBPQ_SHARED_SESSION);
        return;
    }
    if (db_libpq_schema_read(result, &schema) < 0) {
        break_connection(db, db_message(result));
        return;
    }
    char why[256];
    bool fits = db_libpq_schema_fits(&schema, why, sizeof(why));
    db->schema_refused = !db_libpq_version_fits(schema.version, schema.oldest_program);
    if (!fits) {
        break_connection(db, why);
        return;
    }
    db->state = STATE_USABLE;
    db->failures = 0;
    db->failure[0] = '\0';
    if (db->options.on_state) {
        db->options.on_state(db, true, db->options.argument);
    }
}

/* The schema may change below a connection. A server that does not work with the new one must not go on. */
static void
on_schema_again(const struct db_result *result, void *argument)
{
    struct db *db = argument;
    struct db_libpq_schema schema;
    char why[256];
    if (db_status(result) == DB_UNAVAILABLE || db->broken || db_libpq_schema_read(result, &schema) < 0) {
        return;
    }
    if (!db_libpq_schema_fits(&schema, why, sizeof(why))) {
        db->schema_refused = !db_libpq_version_fits(schema.version, schema.oldest_program);
        break_connection(db, why);
    }
}

static void
on_schema_check(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct db *db = argument;
    if (is_outdated(db)) {
        leave_old_primary(db);
    } else if (db_usable(db)) {
        submit(db, new_call(db, QUERY_DB_SCHEMA_VERSION, on_schema_again, db), NULL, false);
    }
}

static void
on_first(const struct db_result *result, void *argument)
{
    if (db_status(result) == DB_REFUSED) {
        break_connection(argument, db_message(result));
    }
}

/* A text without parameters, which is not one of sql/queries. */
static void
submit_first(struct db *db, const char *sql)
{
    struct call *call = new_call(db, QUERY_DB_SESSION, on_first, db);
    sent_or_broken(db, call,
                   PQsendQueryParams(db->connection, sql, 0, NULL, NULL, NULL, NULL, 0) &&
                       PQpipelineSync(db->connection));
}

static void
on_session(const struct db_result *result, void *argument)
{
    struct db *db = argument;
    if (db_status(result) == DB_UNAVAILABLE) {
        return;
    }
    if (db_libpq_is_shared_session(result)) {
        refuse_database(db, DB_LIBPQ_SHARED_SESSION);
        return;
    }
    const char *why = db_status(result) == DB_OK ? db_libpq_session_refusal(result) : db_message(result);
    if (why) {
        break_connection(db, why);
    }
}

static void
on_history(const struct db_result *result, void *argument)
{
    struct db *db = argument;
    if (db->broken || db_status(result) == DB_UNAVAILABLE) {
        return;
    }
    db->timeline = db_libpq_timeline(result);
    if (db->timeline && !db_history_follow(db->options.history, db->timeline)) {
        leave_old_primary(db);
    }
}

static void
watch_socket(struct db *db, short what, event_callback_fn callback)
{
    if (db->readable) {
        event_free(db->readable);
        event_free(db->writable);
    }
    db->readable = event_new(db->base, PQsocket(db->connection), what, callback, db);
    db->writable = event_new(db->base, PQsocket(db->connection), EV_WRITE, on_writable, db);
    event_add(db->readable, NULL);
}

static void
prepare_session(struct db *db)
{
    db->state = STATE_PREPARING;
    if (!PQenterPipelineMode(db->connection)) {
        lose_by_libpq(db);
        return;
    }
    watch_socket(db, EV_READ | EV_PERSIST, on_readable);
    for (int i = 0; i < DB_LIBPQ_FIRST_COUNT; i++) {
        submit_first(db, db_libpq_first[i]);
    }
    struct db_value values[] = { DB_INT64(db->options.statement_timeout_ms),
                                 DB_INT64(db->options.statement_timeout_ms / 2) };
    submit(db, new_call(db, QUERY_DB_SESSION, on_session, db), values, false);
    if (db->options.history) {
        submit(db, new_call(db, QUERY_DB_HISTORY, on_history, db), NULL, false);
    }
    submit(db, new_call(db, QUERY_DB_SCHEMA_VERSION, on_schema_version, db), NULL, false);
}

static void
on_handshake(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct db *db = argument;
    switch (PQconnectPoll(db->connection)) {
    case PGRES_POLLING_READING:
        watch_socket(db, EV_READ, on_handshake);
        break;
    case PGRES_POLLING_WRITING:
        watch_socket(db, EV_WRITE, on_handshake);
        break;
    case PGRES_POLLING_OK:
        prepare_session(db);
        break;
    default:
        lose_by_libpq(db);
    }
}

/* Notices are dropped: they may quote values, and everything important is an error. */
static void
drop_notice(void *argument, const char *message)
{
    (void)argument;
    (void)message;
}

static void
begin_connecting(struct db *db)
{
    struct db_libpq_connect_parameters parameters;
    const char *refusal = db_url_refusal(db->url);
    db->history_refused = false;
    if (refusal) {
        lose_connection(db, refusal);
        return;
    }
    db_libpq_connect_parameters_set(&parameters, db->url, db->application_name, db->options.call_deadline_ms,
                                    &db->hosts);
    db->connection = PQconnectStartParams(parameters.keywords, parameters.values, 1);
    if (!db->connection || PQstatus(db->connection) == CONNECTION_BAD) {
        lose_by_libpq(db);
        return;
    }
    PQsetnonblocking(db->connection, 1);
    PQsetNoticeProcessor(db->connection, drop_notice, NULL);
    db->state = STATE_CONNECTING;
    db->connect_deadline_ms = clock_monotonic_ms() + CONNECT_DEADLINE_MS;
    arm_timer(db, CONNECT_DEADLINE_MS);
    watch_socket(db, EV_WRITE, on_handshake);
}

static void
lose_silent_connection(struct db *db, const char *why)
{
    db_hosts_pass_over(&db->hosts, db->connection);
    lose_connection(db, why);
}

static void
check_deadlines(struct db *db)
{
    int64_t now = clock_monotonic_ms();
    if (db->state == STATE_CONNECTING) {
        if (now >= db->connect_deadline_ms) {
            lose_silent_connection(db, "PostgreSQL did not complete the connection in time");
        } else {
            arm_timer(db, db->connect_deadline_ms - now);
        }
        return;
    }
    const struct call *oldest = STAILQ_FIRST(&db->sent.list);
    if (!oldest) {
        return;
    }
    if (is_outdated(db)) {
        leave_old_primary(db);
        return;
    }
    if (now >= oldest->deadline_ms) {
        lose_silent_connection(db, "PostgreSQL did not answer in time");
    } else {
        arm_timer_for_calls(db, oldest->deadline_ms - now);
    }
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct db *db = argument;
    db->timer_pending = false;
    if (db->state == STATE_WAITING) {
        begin_connecting(db);
    } else {
        check_deadlines(db);
    }
}

/* --- a db's life --- */

struct db *
db_new(struct event_base *base, const struct db_options *options)
{
    struct db *db = memory_new(1, sizeof(*db));
    db->base = base;
    db->options = *options;
    db->url = memory_duplicate(options->url);
    db->application_name = memory_duplicate(options->application_name);
    db->timer = evtimer_new(base, on_timer, db);
    db->failing = event_new(base, -1, 0, on_failing, db);
    db->schema_check = event_new(base, -1, EV_PERSIST, on_schema_check, db);
    event_add(db->schema_check, &(struct timeval){ .tv_sec = SCHEMA_CHECK_S });
    STAILQ_INIT(&db->sent.list);
    STAILQ_INIT(&db->failed.list);
    snprintf(db->failure, sizeof(db->failure), "not connected yet");
    arm_timer(db, 0);
    return db;
}

void
db_free(struct db *db)
{
    if (!db) {
        return;
    }
    db->options.on_state = NULL;
    db->state = STATE_WAITING;
    fail_calls(&db->sent);
    while (!STAILQ_EMPTY(&db->failed.list)) {
        fail_calls(&db->failed);
    }
    drop_connection(db);
    db_hosts_clear(&db->hosts);
    event_free(db->timer);
    event_free(db->failing);
    event_free(db->schema_check);
    secret_wipe(db->url, strlen(db->url));
    free(db->url);
    free(db->application_name);
    free(db);
}

bool
db_usable(const struct db *db)
{
    return db->state == STATE_USABLE && !db->broken && !is_outdated(db);
}

const char *
db_failure(const struct db *db)
{
    return db->failure;
}

bool
db_history_refused(const struct db *db)
{
    return db->history_refused;
}

bool
db_schema_refused(const struct db *db)
{
    return db->schema_refused;
}

int
db_pending(const struct db *db)
{
    return db->sent.count + db->failed.count;
}
