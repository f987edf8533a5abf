#include "admin/migrate.h"
#include "admin/database.h"
#include "admin/schema.h"
#include "common/json.h"
#include "common/migrations.h"
#include <string.h>

/* The schema and the table that records migrations, which must exist before the first migration. One implicit
 * transaction. */
static const char bootstrap[] = "create schema if not exists testkase;"
                                "create table if not exists testkase.schema_migrations ("
                                " version integer primary key, name text not null, checksum text not null,"
                                " applied_at timestamptz not null default now())";

/* Resets the settings that a migration may have made. */
static const char begin[] = "begin; set local search_path = testkase, pg_temp";

/* Waits until no other program migrates this database. */
static int
take_lock(struct db_sync *db)
{
    struct db_result *tried = database_call(db, QUERY_ADMIN_MIGRATE_TRY_LOCK, NULL, NULL);
    if (!tried) {
        return -1;
    }
    bool locked = db_bool(tried, 0, 0);
    db_result_free(tried);
    if (locked) {
        return 0;
    }
    output_error("waiting for another migration of this database to end");
    struct db_result *waited = database_call(db, QUERY_ADMIN_MIGRATE_LOCK, NULL, NULL);
    db_result_free(waited);
    return waited ? 0 : -1;
}

/* Reads the state of the database; when this build cannot go on from it, prints why not. */
static int
read_version(struct db_sync *db, int *ret_version)
{
    enum schema_state state;
    char line[512];
    int version;
    if (schema_read(db, &version, &state, line, sizeof(line)) < 0) {
        output_error("%s", line);
        return -1;
    }
    if (state == SCHEMA_NEWER || state == SCHEMA_CHANGED) {
        output_error("%s", line);
        return -1;
    }
    *ret_version = version;
    return 0;
}

static int
run_script(struct db_sync *db, const char *sql)
{
    struct db_result *result = db_sync_script(db, sql);
    int outcome = db_status(result) == DB_OK ? 0 : -1;
    db_result_free(result);
    return outcome;
}

static int
prepare_record(struct db_sync *db)
{
    if (run_script(db, bootstrap) == 0) {
        return 0;
    }
    output_error(
        "cannot create schema testkase: %s. The database has to belong to testkase_owner: alter database "
        "… owner to testkase_owner",
        db_sync_error(db));
    return -1;
}

static int
record(struct db_sync *db, const struct migration *migration)
{
    struct db_value values[] = { DB_INT64(migration->version), DB_TEXT(migration->name),
                                 DB_TEXT(migration->checksum) };
    struct db_result *result = db_sync_call(db, QUERY_ADMIN_MIGRATION_APPLIED, values);
    int outcome = db_status(result) == DB_OK ? 0 : -1;
    db_result_free(result);
    return outcome;
}

/* Applies one migration and records it in one transaction, so that neither happens without the other, even if
 * this program or PostgreSQL dies. */
static int
apply(struct db_sync *db, const struct migration *migration)
{
    char label[SCHEMA_LABEL_SIZE];
    schema_label(migration->version, label);
    if (run_script(db, begin) < 0 || run_script(db, migration->sql) < 0 || record(db, migration) < 0) {
        output_error("migration %s failed and was rolled back: %s", label, db_sync_error(db));
        return -1;
    }
    if (run_script(db, "commit") < 0) {
        output_error("migration %s failed at its commit: %s. Run testkase-admin migrate again", label,
                     db_sync_error(db));
        return -1;
    }
    return 0;
}

static int
apply_pending(struct db_sync *db, int version, bool json)
{
    for (int i = version; i < migration_count; i++) {
        if (apply(db, &migrations[i]) < 0) {
            return -1;
        }
        if (!json) {
            printf("applied %04d_%s\n", migrations[i].version, migrations[i].name);
            fflush(stdout);
        }
    }
    return 0;
}

/* The document of --json; `list` names the migrations from `version` on. */
static void
print_json(const char *list, int version, int schema_version)
{
    struct json_writer *writer = json_writer_new();
    json_open_object(writer);
    json_integer_member(writer, "schemaVersion", schema_version);
    json_integer_member(writer, "knownVersion", migration_count);
    json_key(writer, list);
    schema_write_labels(writer, version);
    json_close_object(writer);
    output_json(stdout, writer);
}

static enum command_exit
show_pending(struct db_sync *db, bool json)
{
    int version;
    if (read_version(db, &version) < 0) {
        return COMMAND_FAILED;
    }
    if (json) {
        print_json("pending", version, version);
        return COMMAND_DONE;
    }
    for (int i = version; i < migration_count; i++) {
        printf("pending %04d_%s\n", migrations[i].version, migrations[i].name);
    }
    if (version == migration_count) {
        printf("nothing is pending: the schema is version %d\n", version);
    }
    return COMMAND_DONE;
}

static enum command_exit
bring_up(struct db_sync *db, bool json)
{
    int version;
    if (take_lock(db) < 0 || read_version(db, &version) < 0) {
        return COMMAND_FAILED;
    }
    if ((version == 0 && prepare_record(db) < 0) || apply_pending(db, version, json) < 0) {
        return COMMAND_FAILED;
    }
    if (json) {
        print_json("applied", version, migration_count);
    } else if (version == migration_count) {
        printf("up to date: the schema is version %d\n", version);
    } else {
        printf("the schema is now version %d\n", migration_count);
    }
    return COMMAND_DONE;
}

static enum command_exit
run(const struct command_call *call)
{
    struct db_sync *db;
    char error[768];
    if (database_open_any(call, 0, &db, error, sizeof(error)) < 0) {
        output_error("%s", error);
        return COMMAND_FAILED;
    }
    enum command_exit outcome =
        command_value(call, "dry-run") ? show_pending(db, call->json) : bring_up(db, call->json);
    db_sync_close(db);
    return outcome;
}

const struct command migrate_commands[] = {
    { .name = "migrate",
      .summary = "bring the database's schema to the version of this program",
      .description = "Applies the migrations that the database has not had, in order, each in one\n"
                     "transaction together with its record in testkase.schema_migrations. Safe to\n"
                     "repeat, to interrupt and to run from several machines at once: one does the\n"
                     "work under an advisory lock, the others wait and find it done.\n"
                     "\n"
                     "Before the first time, as a superuser:\n"
                     "    psql --file sql/roles.sql\n"
                     "    psql --command 'create database testkase owner testkase_owner'\n"
                     "\n"
                     "Connects as testkase_owner, or as a role that is a member of it or a superuser\n"
                     "and then acts as testkase_owner. A connection pooler in between must keep\n"
                     "sessions (pool_mode=session), because the lock belongs to the session.\n"
                     "\n"
                     "Refuses when a migration that was applied has changed since, and when the\n"
                     "database is newer than this program. Nothing is changed then.",
      .options = { { "dry-run", NULL, "Only list the pending migrations.", false } },
      .examples = "testkase-admin migrate --dry-run\n"
                  "testkase-admin migrate",
      .run = run },
    { .name = NULL },
};
