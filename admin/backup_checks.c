#include "admin/backup_checks.h"
#include "admin/command.h"
#include "admin/database.h"
#include "admin/schema.h"
#include "common/memory.h"
#include "common/migrations.h"
#include <stdlib.h>
#include <string.h>

#define FINDINGS_MAX 20 /* of each check that are shown */
#define STATE_WIDTH  9
#define FINDING_SIZE 1024

struct check {
    const char *name;
    const char *remedy; /* lines */
    enum query query;   /* gives one row for each finding; the first check has none */
    const char *part;   /* the parameter "part" of the query, if it takes one */
    bool is_warning;    /* a finding is no failure */
};

static const struct check table[] = {
    { .name = "schema",
      .remedy = "See testkase-admin status; a schema that is behind: testkase-admin migrate." },
    { .name = "history",
      .remedy =
          "Before the servers start: testkase-admin backup check --after-restore --revoked-since FILE,\n"
          "with the audit log of the time after the backup; without one, with --revoke-all, or with\n"
          "neither when no commit was lost (an upgrade, a standby that had everything).",
      .query = QUERY_BACKUP_HISTORY },
    { .name = "epoch",
      .remedy = "testkase-admin backup check --after-restore makes the epoch anew.",
      .query = QUERY_BACKUP_EPOCH },
    { .name = "sequences",
      .remedy = "testkase-admin backup check --after-restore moves them on.",
      .query = QUERY_BACKUP_SEQUENCES },
    { .name = "partitions",
      .remedy =
          "testkase-admin backup check --after-restore makes those of months that have no rows yet, and so\n"
          "does a worker. What is not attached: alter table … attach partition …, or restore anew. Rows of\n"
          "a month without a partition are in the default one, where they are found all the same.",
      .query = QUERY_BACKUP_PARTITIONS },
    { .name = "structure",
      .remedy =
          "Restore the whole database anew, into an empty one, with pg_restore --exit-on-error. An index\n"
          "that is invalid: reindex index …. A trigger that is disabled: alter table … enable trigger ….",
      .query = QUERY_BACKUP_STRUCTURE,
      .part = "structure" },
    { .name = "owners",
      .remedy = "Restore as testkase_owner, or without --no-owner: functions run with their owner's rights.",
      .query = QUERY_BACKUP_STRUCTURE,
      .part = "owners" },
    { .name = "rights",
      .remedy =
          "What is missing: restore without --no-privileges, or grant it as the migrations do. What should\n"
          "not be there: revoke it.",
      .query = QUERY_BACKUP_STRUCTURE,
      .part = "rights" },
    { .name = "roles",
      .remedy = "As a superuser, in any database of the cluster: psql --file sql/roles.sql. Attributes and\n"
                "memberships: alter role …, revoke …. An owner: alter database … owner to testkase_owner.",
      .query = QUERY_BACKUP_ROLES },
    { .name = "rows",
      .remedy =
          "Such rows come from a restore of data alone, or from changes past the triggers. Restore the\n"
          "whole database anew; or revoke the tokens, and set their hashes to null.",
      .query = QUERY_BACKUP_ROWS },
    { .name = "clock",
      .remedy =
          "Set the clock of PostgreSQL's machine before the servers start, or expired tokens are valid.",
      .query = QUERY_BACKUP_CLOCK },
    { .name = "collation",
      .remedy = "reindex database …; then alter database … refresh collation version.",
      .query = QUERY_BACKUP_COLLATION,
      .is_warning = true },
    { .name = "overdue", .remedy = "Start a worker.", .query = QUERY_BACKUP_OVERDUE, .is_warning = true },
};

#define COUNT (sizeof(table) / sizeof(table[0]))

enum state { NOT_RUN, PASSED, WARNED, FAILED };

struct backup_checks {
    struct {
        enum state state;
        int count; /* findings; the first FINDINGS_MAX are kept */
        char *findings[FINDINGS_MAX];
    } results[COUNT];
};

static void
add_finding(struct backup_checks *checks, size_t index, const char *finding)
{
    checks->results[index].state = table[index].is_warning ? WARNED : FAILED;
    if (checks->results[index].count < FINDINGS_MAX) {
        checks->results[index].findings[checks->results[index].count] = memory_duplicate(finding);
    }
    checks->results[index].count++;
}

/* Returns whether the schema is the one that the other checks are about. */
static bool
check_schema(struct db_sync *db, struct backup_checks *checks)
{
    char line[FINDING_SIZE];
    enum schema_state state;
    int version;
    checks->results[0].state = PASSED;
    if (schema_read(db, &version, &state, line, sizeof(line)) < 0) {
        add_finding(checks, 0, line);
        return false;
    }
    if (state == SCHEMA_BEHIND) {
        snprintf(line, sizeof(line), "version %d; this program knows version %d", version, migration_count);
    }
    if (state != SCHEMA_CURRENT) {
        add_finding(checks, 0, line);
    }
    return state == SCHEMA_CURRENT;
}

static void
run_check(struct db_sync *db, struct backup_checks *checks, size_t index)
{
    struct db_value part = DB_TEXT(table[index].part);
    struct db_result *found = db_sync_call(db, table[index].query, &part);
    checks->results[index].state = PASSED;
    if (db_status(found) != DB_OK) {
        char line[FINDING_SIZE];
        snprintf(line, sizeof(line), "this cannot be read: %s", db_sync_error(db));
        add_finding(checks, index, line);
        checks->results[index].state = FAILED;
    }
    for (int row = 0; row < db_rows(found); row++) {
        add_finding(checks, index, database_text(found, row, "finding"));
    }
    db_result_free(found);
}

struct backup_checks *
backup_checks_run(struct db_sync *db)
{
    struct backup_checks *checks = memory_new(1, sizeof(*checks));
    db_result_free(db_sync_script(db, "set session characteristics as transaction read only"));
    if (check_schema(db, checks)) {
        for (size_t i = 1; i < COUNT; i++) {
            run_check(db, checks, i);
        }
    }
    return checks;
}

void
backup_checks_free(struct backup_checks *checks)
{
    for (size_t i = 0; checks && i < COUNT; i++) {
        for (int n = 0; n < FINDINGS_MAX; n++) {
            free(checks->results[i].findings[n]);
        }
    }
    free(checks);
}

int
backup_checks_failed(const struct backup_checks *checks)
{
    int failed = 0;
    for (size_t i = 0; i < COUNT; i++) {
        failed += checks->results[i].state == FAILED;
    }
    return failed;
}

void
backup_checks_print(FILE *out, const struct backup_checks *checks)
{
    static const char *const words[] = { "not run", "ok", "warning", "FAILED" };
    for (size_t i = 0; i < COUNT; i++) {
        fprintf(out, "%-*s%s\n", STATE_WIDTH, words[checks->results[i].state], table[i].name);
        for (int n = 0; n < checks->results[i].count && n < FINDINGS_MAX; n++) {
            fprintf(out, "%*s", STATE_WIDTH + 2, "");
            output_text(out, checks->results[i].findings[n]);
            putc('\n', out);
        }
        if (checks->results[i].count > FINDINGS_MAX) {
            fprintf(out, "%*s… and %d more\n", STATE_WIDTH + 2, "", checks->results[i].count - FINDINGS_MAX);
        }
        if (checks->results[i].count > 0) {
            fprintf(out, "%*sTo do:\n", STATE_WIDTH, "");
            command_print_indented(out, table[i].remedy, STATE_WIDTH + 2);
        }
    }
}

void
backup_checks_write(struct json_writer *writer, const struct backup_checks *checks)
{
    static const char *const words[] = { "not_run", "ok", "warning", "failed" };
    json_open_array(writer);
    for (size_t i = 0; i < COUNT; i++) {
        json_open_object(writer);
        json_text_member(writer, "name", table[i].name);
        json_text_member(writer, "state", words[checks->results[i].state]);
        json_integer_member(writer, "count", checks->results[i].count);
        json_key(writer, "findings");
        json_open_array(writer);
        for (int n = 0; n < checks->results[i].count && n < FINDINGS_MAX; n++) {
            json_put_text(writer, checks->results[i].findings[n]);
        }
        json_close_array(writer);
        json_text_member(writer, "remedy", checks->results[i].count > 0 ? table[i].remedy : NULL);
        json_close_object(writer);
    }
    json_close_array(writer);
}
