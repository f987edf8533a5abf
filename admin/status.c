#include "admin/status.h"
#include "admin/database.h"
#include "admin/schema.h"
#include "common/json.h"
#include "common/migrations.h"
#include <string.h>

#define STATEMENT_TIMEOUT_MS 10000
#define STALE_AFTER_SECONDS  60

struct findings {
    bool connected;
    bool schema_read; /* version and state are valid; otherwise `schema_line` says why not */
    int version;
    enum schema_state state;
    struct db_result *workers; /* NULL when they were not read */
    bool queue_read;
    int queue_percent;         /* how full PostgreSQL's queue of notifications is */
    char connection_line[768]; /* the problem, or "" */
    char schema_line[512];
    char worker_line[256];
    char queue_line[512];
};

static const struct output_column worker_columns[] = {
    { "worker", "worker", OUTPUT_TEXT },
    { "version", "version", OUTPUT_TEXT },
    { "startedAt", "started", OUTPUT_TEXT },
    { "beatAt", "last beat", OUTPUT_TEXT },
    { "silentForSeconds", "silent for (s)", OUTPUT_NUMBER },
    { "stale", "stale", OUTPUT_TRUTH },
    { NULL, NULL, OUTPUT_TEXT },
};

static void
look_at_schema(struct db_sync *db, struct findings *findings)
{
    if (schema_read(db, &findings->version, &findings->state, findings->schema_line,
                    sizeof(findings->schema_line)) < 0) {
        return;
    }
    findings->schema_read = true;
    if (findings->state == SCHEMA_BEHIND) {
        snprintf(findings->schema_line, sizeof(findings->schema_line),
                 "%d migration%s pending: run testkase-admin migrate", migration_count - findings->version,
                 migration_count - findings->version == 1 ? " is" : "s are");
    } else if (findings->state == SCHEMA_CURRENT || findings->state == SCHEMA_AHEAD) {
        db_sync_schema_fits(db, findings->schema_line, sizeof(findings->schema_line));
    }
}

static void
look_at_workers(struct db_sync *db, struct findings *findings)
{
    struct db_value values[] = { DB_INT64(STALE_AFTER_SECONDS) };
    struct db_result *workers = db_sync_call(db, QUERY_ADMIN_WORKERS, values);
    const char *wrong = NULL;
    if (db_status(workers) != DB_OK) {
        snprintf(findings->worker_line, sizeof(findings->worker_line),
                 "cannot read the workers' heartbeats: %.150s", db_sync_error(db));
    } else if (db_rows(workers) == 0) {
        wrong = "no worker has reported yet: start testkase-worker";
    } else if (db_bool(workers, 0, db_column(workers, "stale"))) {
        wrong = "no worker has reported for a minute: start testkase-worker, or look at its log";
    }
    if (wrong) {
        snprintf(findings->worker_line, sizeof(findings->worker_line), "%s", wrong);
    }
    findings->workers = workers;
}

static void
look_at_notifications(struct db_sync *db, struct findings *findings)
{
    struct db_result *queue = db_sync_call(db, QUERY_ADMIN_NOTIFICATIONS, NULL);
    if (db_status(queue) != DB_OK) {
        snprintf(findings->queue_line, sizeof(findings->queue_line),
                 "cannot read the queue of notifications: %.150s", db_sync_error(db));
    } else {
        findings->queue_read = true;
        findings->queue_percent = (int)database_int64(queue, 0, "percent");
        if (!db_bool(queue, 0, db_column(queue, "areSent"))) {
            snprintf(
                findings->queue_line, sizeof(findings->queue_line),
                "PostgreSQL's queue of notifications is %d %% full, so none are sent and the workers "
                "find their work by a scan each minute: a session in some database of the cluster listens "
                "and does not read. PostgreSQL's log names its process; end it by pg_terminate_backend()",
                findings->queue_percent);
        }
    }
    db_result_free(queue);
}

static void
look(const struct command_call *call, struct findings *findings)
{
    struct db_sync *db;
    if (database_open_any(call, STATEMENT_TIMEOUT_MS, &db, findings->connection_line,
                          sizeof(findings->connection_line)) < 0) {
        return;
    }
    findings->connected = true;
    look_at_schema(db, findings);
    if (findings->schema_read && (findings->state == SCHEMA_CURRENT || findings->state == SCHEMA_AHEAD)) {
        look_at_workers(db, findings);
        look_at_notifications(db, findings);
    }
    db_sync_close(db);
}

static bool
is_healthy(const struct findings *findings)
{
    return !findings->connection_line[0] && !findings->schema_line[0] && !findings->worker_line[0] &&
           !findings->queue_line[0];
}

/* The problem, or NULL. */
static const char *
or_null(const char *line)
{
    return line[0] ? line : NULL;
}

static void
print_workers(const struct findings *findings)
{
    struct output_list *list = output_list_new(worker_columns);
    for (int row = 0; row < db_rows(findings->workers); row++) {
        const char *cells[DATABASE_COUNT(worker_columns)];
        database_cells(findings->workers, row, worker_columns, cells);
        output_list_add(list, cells);
    }
    putchar('\n');
    output_list_print(stdout, list, false, false);
    output_list_free(list);
}

static void
print_text(const struct findings *findings)
{
    printf("database  %s\n", findings->connected ? "connected" : "unusable");
    if (findings->schema_read) {
        printf("schema    version %d; this program knows version %d%s\n", findings->version, migration_count,
               findings->state == SCHEMA_AHEAD ? " and works with it" : "");
        for (int i = findings->version; i < migration_count; i++) {
            printf("pending   %04d_%s\n", migrations[i].version, migrations[i].name);
        }
    }
    if (findings->queue_read) {
        printf("queue     notifications take %d %% of PostgreSQL's queue\n", findings->queue_percent);
    }
    if (findings->workers && db_rows(findings->workers) > 0) {
        print_workers(findings);
    }
    const char *lines[] = { findings->connection_line, findings->schema_line, findings->worker_line,
                            findings->queue_line };
    for (size_t i = 0; i < DATABASE_COUNT(lines); i++) {
        if (lines[i][0]) {
            output_error("%s", lines[i]);
        }
    }
}

static void
write_schema(struct json_writer *writer, const struct findings *findings)
{
    json_key(writer, "schema");
    json_open_object(writer);
    json_integer_member(writer, "version", findings->version);
    json_integer_member(writer, "knownVersion", migration_count);
    json_key(writer, "pending");
    schema_write_labels(writer, findings->version);
    json_text_member(writer, "problem", or_null(findings->schema_line));
    json_close_object(writer);
}

static void
write_workers(struct json_writer *writer, const struct findings *findings)
{
    json_key(writer, "workers");
    json_open_array(writer);
    for (int row = 0; findings->workers && row < db_rows(findings->workers); row++) {
        const char *cells[DATABASE_COUNT(worker_columns)];
        database_cells(findings->workers, row, worker_columns, cells);
        output_write_record(writer, worker_columns, cells);
    }
    json_close_array(writer);
    json_text_member(writer, "workersProblem", or_null(findings->worker_line));
}

static void
write_notifications(struct json_writer *writer, const struct findings *findings)
{
    json_key(writer, "notifications");
    if (!findings->queue_read) {
        json_put_null(writer);
        return;
    }
    json_open_object(writer);
    json_integer_member(writer, "queuePercent", findings->queue_percent);
    json_text_member(writer, "problem", or_null(findings->queue_line));
    json_close_object(writer);
}

static void
print_json(const struct findings *findings)
{
    struct json_writer *writer = json_writer_new();
    json_open_object(writer);
    json_boolean_member(writer, "healthy", is_healthy(findings));
    json_key(writer, "database");
    json_open_object(writer);
    json_boolean_member(writer, "connected", findings->connected);
    json_text_member(writer, "problem", or_null(findings->connection_line));
    json_close_object(writer);
    if (findings->schema_read) {
        write_schema(writer, findings);
    } else {
        json_key(writer, "schema");
        json_put_null(writer);
    }
    write_workers(writer, findings);
    write_notifications(writer, findings);
    json_close_object(writer);
    output_json(stdout, writer);
}

static enum command_exit
run(const struct command_call *call)
{
    struct findings findings = { .connected = false };
    look(call, &findings);
    bool healthy = is_healthy(&findings);
    if (call->json) {
        print_json(&findings);
    } else {
        print_text(&findings);
    }
    db_result_free(findings.workers);
    return healthy ? COMMAND_DONE : COMMAND_FAILED;
}

const struct command status_commands[] = {
    { .name = "status",
      .summary = "check the database, its schema and the worker",
      .description = "Connects, compares the schema's version with the one that this program knows,\n"
                     "names the pending migrations, and lists the workers with their last heartbeats.\n"
                     "The exit status is 1 when PostgreSQL cannot be used, when the schema has\n"
                     "another version or lacks a trigger, when no worker has reported for 60\n"
                     "seconds, or when the queue of notifications is half full; for each problem, a\n"
                     "line on standard error says what to do. A worker that was taken out of service\n"
                     "stays in the list as stale; that is no problem while another runs.",
      .examples = "testkase-admin status\n"
                  "testkase-admin status --json",
      .run = run },
    { .name = NULL },
};
