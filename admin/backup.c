#include "admin/backup.h"
#include "admin/backup_checks.h"
#include "admin/backup_export.h"
#include "admin/database.h"
#include "admin/schema.h"
#include "common/json.h"
#include <errno.h>
#include <string.h>

#define STATEMENT_TIMEOUT_MS 600000 /* of a large database: some checks read whole tables */

/* What the operator asked for, and what became of it. */
struct changes {
    bool after_restore;
    bool revoke_all;
    bool dry_run;
    bool has_export;
    struct backup_export export;
    bool begun; /* another history has begun; the next two are valid */
    int64_t epoch;
    int64_t sessions;
    int64_t revoked;            /* by revoke_all */
    struct db_result *outcomes; /* of each event of the export; NULL when there is none */
    int mismatches;             /* events about another row: nothing was changed */
    int owners;                 /* events that would end an organization's owner */
    int passwords;              /* that no longer count */
};

static const struct output_column outcome_columns[] = {
    { "action", "event", OUTPUT_TEXT },    { "id", "of", OUTPUT_NUMBER }, { "name", "name", OUTPUT_TEXT },
    { "outcome", "outcome", OUTPUT_TEXT }, { NULL, NULL, OUTPUT_TEXT },
};

/* --- the export --- */

static int
open_export(const char *path, FILE **ret_in)
{
    *ret_in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!*ret_in) {
        output_error("cannot open the export: %s", strerror(errno));
        return -1;
    }
    return 0;
}

static int
read_export(const struct command_call *call, struct changes *changes)
{
    const char *path = command_value(call, "revoked-since");
    char error[256];
    FILE *in;
    if (!path) {
        return 0;
    }
    if (open_export(path, &in) < 0) {
        return -1;
    }
    int outcome = backup_export_read(in, &changes->export, error, sizeof(error));
    if (in != stdin) {
        fclose(in);
    }
    if (outcome < 0) {
        output_error("%s", error);
        return -1;
    }
    changes->has_export = true;
    return 0;
}

/* --- changes --- */

static bool
are_wanted(const struct changes *changes)
{
    return changes->after_restore || changes->revoke_all || changes->has_export;
}

static int
run_script(struct db_sync *db, const char *sql)
{
    struct db_result *result = db_sync_script(db, sql);
    int outcome = db_status(result) == DB_OK ? 0 : -1;
    if (outcome < 0) {
        output_error("PostgreSQL refused to %s: %s", sql, db_sync_error(db));
    }
    db_result_free(result);
    return outcome;
}

static int
run_query(struct db_sync *db, enum query query)
{
    struct db_result *result = database_call(db, query, NULL, NULL);
    int outcome = result ? 0 : -1;
    db_result_free(result);
    return outcome;
}

/* A history begins when the operator says so, or when the database has one that no operator knows of. Returns
 * 1, 0, or -1 after it has printed why not. */
static int
is_history_due(struct db_sync *db, const struct changes *changes)
{
    if (changes->after_restore) {
        return 1;
    }
    struct db_result *found = database_call(db, QUERY_BACKUP_HISTORY, NULL, NULL);
    int due = found ? db_rows(found) > 0 : -1;
    db_result_free(found);
    return due;
}

/* Before anything is inserted: rows need ids that are free, and a month with rows gets no partition any more.
 */
static int
prepare_tables(struct db_sync *db)
{
    return run_query(db, QUERY_BACKUP_ADVANCE_SEQUENCES) < 0 ||
                   run_query(db, QUERY_BACKUP_MAKE_PARTITIONS) < 0
               ? -1
               : 0;
}

static int
begin_history(struct db_sync *db, struct changes *changes)
{
    struct db_result *begun = database_call(db, QUERY_BACKUP_BEGIN_HISTORY, NULL, NULL);
    if (!begun) {
        return -1;
    }
    changes->begun = true;
    changes->epoch = database_int64(begun, 0, "epoch");
    changes->sessions = database_int64(begun, 0, "sessions");
    db_result_free(begun);
    return 0;
}

static void
count_outcomes(struct changes *changes)
{
    for (int row = 0; row < db_rows(changes->outcomes); row++) {
        const char *outcome = database_text(changes->outcomes, row, "outcome");
        const char *action = database_text(changes->outcomes, row, "action");
        bool is_ended = strcmp(outcome, "ended") == 0;
        changes->mismatches += strcmp(outcome, "mismatch") == 0;
        changes->owners += strcmp(outcome, "is_owner") == 0;
        changes->passwords += is_ended && strncmp(action, "user.password", strlen("user.password")) == 0;
    }
}

static int
end_again(struct db_sync *db, struct changes *changes)
{
    const struct db_named values[] = { { "events", DB_TEXT(changes->export.events) }, { 0 } };
    changes->outcomes = database_call(db, QUERY_BACKUP_END_AGAIN, values, NULL);
    if (!changes->outcomes) {
        return -1;
    }
    count_outcomes(changes);
    return 0;
}

static int
revoke_all(struct db_sync *db, struct changes *changes)
{
    const struct db_named values[] = {
        { "note", DB_TEXT("All tokens were revoked after the database was restored.") }, { 0 }
    };
    struct db_result *ended = database_call(db, QUERY_BACKUP_REVOKE_ALL, values, NULL);
    if (!ended) {
        return -1;
    }
    changes->revoked = database_int64(ended, 0, "count");
    db_result_free(ended);
    return 0;
}

/* Makes the changes, in one transaction. */
static int
change(struct db_sync *db, struct changes *changes)
{
    int due = is_history_due(db, changes);
    if (due < 0 || (due > 0 && !changes->dry_run && prepare_tables(db) < 0) || run_script(db, "begin") < 0 ||
        (due > 0 && begin_history(db, changes) < 0) || (changes->has_export && end_again(db, changes) < 0) ||
        (changes->revoke_all && revoke_all(db, changes) < 0)) {
        return -1;
    }
    return run_script(db, changes->dry_run || changes->mismatches > 0 ? "rollback" : "commit");
}

/* Refuses a schema that the statements are not made for. */
static int
change_current(struct db_sync *db, struct changes *changes)
{
    enum schema_state state;
    char line[512] = "the schema is behind: testkase-admin migrate";
    int version;
    if (schema_read(db, &version, &state, line, sizeof(line)) < 0 || state != SCHEMA_CURRENT) {
        output_error("%s", line);
        return -1;
    }
    return change(db, changes);
}

/* --- output --- */

static int
count_outcome(const struct changes *changes, const char *outcome)
{
    int count = 0;
    for (int row = 0; row < db_rows(changes->outcomes); row++) {
        count += strcmp(database_text(changes->outcomes, row, "outcome"), outcome) == 0;
    }
    return count;
}

/* The events that changed something or that need a look. */
static void
print_outcomes(const struct changes *changes)
{
    struct output_list *list = output_list_new(outcome_columns);
    int listed = 0;
    for (int row = 0; row < db_rows(changes->outcomes); row++) {
        const char *outcome = database_text(changes->outcomes, row, "outcome");
        if (strcmp(outcome, "already") != 0 && strcmp(outcome, "unknown") != 0) {
            const char *cells[DATABASE_COUNT(outcome_columns)];
            database_cells(changes->outcomes, row, outcome_columns, cells);
            output_list_add(list, cells);
            listed++;
        }
    }
    if (listed > 0) {
        output_list_print(stdout, list, false, false);
    }
    output_list_free(list);
}

static void
print_changes(const struct changes *changes)
{
    bool made = !changes->dry_run && changes->mismatches == 0;
    printf("%s\n", made ? "Changed:" : "Would change:");
    if (changes->begun) {
        printf("  epoch moved on to %lld; sessions ended: %lld\n", (long long)changes->epoch,
               (long long)changes->sessions);
    }
    if (changes->outcomes) {
        printf("  export: %lld events, %d to end something; ended: %d, ended already: %d, not in this "
               "database: %d\n",
               (long long)changes->export.read, db_rows(changes->outcomes), count_outcome(changes, "ended"),
               count_outcome(changes, "already"), count_outcome(changes, "unknown"));
        print_outcomes(changes);
    }
    if (changes->revoke_all) {
        printf("  all other tokens revoked: %lld\n", (long long)changes->revoked);
    }
    putchar('\n');
}

static void
write_outcomes(struct json_writer *writer, const struct changes *changes)
{
    json_key(writer, "events");
    if (!changes->outcomes) {
        json_put_null(writer);
        return;
    }
    json_open_array(writer);
    for (int row = 0; row < db_rows(changes->outcomes); row++) {
        const char *cells[DATABASE_COUNT(outcome_columns)];
        database_cells(changes->outcomes, row, outcome_columns, cells);
        output_write_record(writer, outcome_columns, cells);
    }
    json_close_array(writer);
}

static void
write_changes(struct json_writer *writer, const struct changes *changes)
{
    json_key(writer, "changes");
    if (!are_wanted(changes)) {
        json_put_null(writer);
        return;
    }
    json_open_object(writer);
    json_boolean_member(writer, "made", !changes->dry_run && changes->mismatches == 0);
    json_key(writer, "epoch");
    changes->begun ? json_put_integer(writer, changes->epoch) : json_put_null(writer);
    json_integer_member(writer, "sessionsEnded", changes->sessions);
    json_integer_member(writer, "tokensRevoked", changes->revoked);
    write_outcomes(writer, changes);
    json_close_object(writer);
}

/* What the operator must know beyond the lists: one line each on standard error. */
static void
tell_problems(const struct changes *changes)
{
    if (changes->mismatches > 0) {
        output_error("%d events of the export are about other rows than those with their ids here: it is the "
                     "export of another database; nothing was changed",
                     changes->mismatches);
    }
    if (changes->owners > 0) {
        output_error("%d events ended an account that is the owner of its organization here; make another "
                     "account the owner, and run this again",
                     changes->owners);
    }
    if (changes->passwords > 0) {
        output_error("%d accounts have no password, because it was changed after the backup: testkase-admin "
                     "user set-password EMAIL",
                     changes->passwords);
    }
}

static void
print_report(const struct command_call *call, const struct changes *changes,
             const struct backup_checks *checks, bool healthy)
{
    if (call->json) {
        struct json_writer *writer = json_writer_new();
        json_open_object(writer);
        json_boolean_member(writer, "healthy", healthy);
        write_changes(writer, changes);
        json_key(writer, "checks");
        checks ? backup_checks_write(writer, checks) : json_put_null(writer);
        json_close_object(writer);
        output_json(stdout, writer);
    } else {
        if (are_wanted(changes)) {
            print_changes(changes);
        }
        if (checks) {
            backup_checks_print(stdout, checks);
        }
    }
    tell_problems(changes);
}

/* --- backup check --- */

static enum command_exit
check(const struct command_call *call, struct db_sync *db, struct changes *changes)
{
    if (are_wanted(changes) && change_current(db, changes) < 0) {
        return COMMAND_FAILED;
    }
    /* A rehearsal has changed nothing that they could find. */
    struct backup_checks *checks = changes->dry_run ? NULL : backup_checks_run(db);
    int failed = checks ? backup_checks_failed(checks) : 0;
    bool healthy = failed == 0 && changes->mismatches == 0 && changes->owners == 0;
    print_report(call, changes, checks, healthy);
    if (failed > 0) {
        output_error("%d check%s failed; do not start the servers before all pass", failed,
                     failed == 1 ? "" : "s");
    }
    backup_checks_free(checks);
    return healthy ? COMMAND_DONE : COMMAND_FAILED;
}

static enum command_exit
run_check(const struct command_call *call)
{
    struct changes changes = { .after_restore = command_value(call, "after-restore"),
                               .revoke_all = command_value(call, "revoke-all"),
                               .dry_run = command_value(call, "dry-run") };
    struct db_sync *db;
    char error[768];
    if (changes.dry_run && !changes.after_restore && !changes.revoke_all &&
        !command_value(call, "revoked-since")) {
        output_error("--dry-run rehearses --after-restore, --revoked-since or --revoke-all");
        return COMMAND_MISUSED;
    }
    if (read_export(call, &changes) < 0) {
        return COMMAND_FAILED;
    }
    enum command_exit outcome = COMMAND_FAILED;
    if (database_open_any(call, STATEMENT_TIMEOUT_MS, &db, error, sizeof(error)) < 0) {
        output_error("%s", error);
    } else {
        outcome = check(call, db, &changes);
        db_sync_close(db);
    }
    db_result_free(changes.outcomes);
    backup_export_free(&changes.export);
    return outcome;
}

const struct command backup_commands[] = {
    { .name = "backup check",
      .summary = "check a database, above all after a restore, and end again what had ended",
      .description = "Without options it changes nothing. It checks that the schema is complete and known;\n"
                     "that no restore has happened since an operator last said so; that the epoch, by\n"
                     "which servers notice revocations, is there; that identity columns give free\n"
                     "numbers; that partitions are there and attached; that tables, indexes,\n"
                     "constraints, triggers, functions, owners and rights are those that the migrations\n"
                     "make, no more and no less; that roles have no attribute that they should not have\n"
                     "and only they can connect; that no row lets in what should be kept out; and that\n"
                     "the clock is not behind. Each check is a line, with what was found and what to do\n"
                     "below it. A database that is not UTF-8 and a standby are refused. An old collation,\n"
                     "and work that waits for a worker, are warnings.\n"
                     "\n"
                     "After a restore, a recovery to a point in time, or a failover that lost commits, the\n"
                     "database is as it was then: tokens that have been revoked since are valid again, and\n"
                     "so are passwords that were changed, sessions that were ended, and roles that were\n"
                     "taken away. Run this command with --revoked-since before the servers start.",
      .options = { { "after-restore", NULL,
                     "Make a restored database fit for work: move identity columns beyond the numbers in\n"
                     "use, make missing partitions, move the epoch on so that no server goes on from what\n"
                     "it knew before, and end all sessions (people sign in again). The next two options\n"
                     "include this, unless it has been done since the restore.",
                     false },
                   { "revoked-since", "FILE|-",
                     "End again what this export of the audit log says has ended, in one transaction;\n"
                     "RUNBOOK.md says how to keep one. Tokens that were revoked, leaked or have expired\n"
                     "end. Accounts that were deactivated or deleted are so again. Passwords that were\n"
                     "replaced no longer count; `user set-password` gives new ones. Roles that were\n"
                     "reduced or taken away are. FILE has one JSON object a line, a row of\n"
                     "ops.audit_trail; or an array of such objects, alone or as the member \"data\". It may\n"
                     "begin long before the backup, and have events twice. Things that were made after\n"
                     "the backup are counted as not in this database. An export of another database is\n"
                     "refused as a whole.",
                     false },
                   { "revoke-all", NULL,
                     "End all tokens that are valid, for want of an export. Their owners are notified.",
                     false },
                   { "dry-run", NULL, "Only say what the other options would change; check nothing.",
                     false } },
      .examples = "testkase-admin backup check\n"
                  "testkase-admin backup check --revoked-since audit.jsonl --dry-run\n"
                  "cat audit-*.jsonl | testkase-admin backup check --revoked-since -\n"
                  "testkase-admin backup check --after-restore --revoke-all",
      .run = run_check },
    { .name = NULL },
};
