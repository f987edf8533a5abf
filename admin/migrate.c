#include "admin/migrate.h"
#include "admin/database.h"
#include "admin/schema.h"
#include "common/json.h"
#include "common/migrations.h"
#include <string.h>

#define PREPARE_ATTEMPTS 5
/* After a rollback of the programs: the schema does not go back. */
#define NEWER_WORKS                                                                                          \
    "nothing is pending: the schema is version %d, and works with this program, of version %d\n"

/* The schema and the table that records migrations, which must exist before the first migration. One implicit
 * transaction. */
static const char bootstrap[] = "create schema if not exists testkase;"
                                "create table if not exists testkase.schema_migrations ("
                                " version integer primary key, name text not null, checksum text not null,"
                                " applied_at timestamptz not null default now(), oldest_program integer)";

/* A connection beside the one that migrates holds the lock, in a transaction that is rolled back at its end:
 * a migration ends with its own. Every role can take any advisory lock, but only the owner of the schema can
 * change its comment, which locks the schema against other changes of it and against nothing else. So a
 * migration must not comment on the schema. */
#define BEGIN_LOCKING "begin; set local idle_in_transaction_session_timeout = 0; set local lock_timeout = "
#define LOCK_SCHEMA   "; comment on schema testkase is null"
static const char try_lock[] = BEGIN_LOCKING "'1ms'" LOCK_SCHEMA;
static const char wait_for_lock[] = "rollback;" BEGIN_LOCKING "0" LOCK_SCHEMA;

/* Resets the settings that a migration may have made, and waits for the migration of a program that was
 * killed: PostgreSQL may still run it, although the lock's connection has ended. */
static const char begin[] = "begin; set local search_path = testkase, pg_temp;"
                            "lock table testkase.schema_migrations in share update exclusive mode";

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

/* Another program that prepares the same database at the same time makes this one fail with one of these,
 * once it has committed. */
static bool
was_overtaken(const char *sqlstate)
{
    return strcmp(sqlstate, "23505") == 0 || strcmp(sqlstate, "42P06") == 0 || strcmp(sqlstate, "42P07") == 0;
}

static int
prepare_record(struct db_sync *db)
{
    bool again = true;
    for (int attempt = 0; again && attempt < PREPARE_ATTEMPTS; attempt++) {
        struct db_result *result = db_sync_script(db, bootstrap);
        bool done = db_status(result) == DB_OK;
        again = was_overtaken(db_sqlstate(result));
        db_result_free(result);
        if (done) {
            return 0;
        }
    }
    output_error(
        "cannot create schema testkase: %s. The database has to belong to testkase_owner: alter database "
        "… owner to testkase_owner",
        db_sync_error(db));
    return -1;
}

/* Takes the lock that lets only one program at a time migrate a database. */
static int
lock(struct db_sync *holder)
{
    struct db_result *tried = db_sync_script(holder, try_lock);
    bool locked = db_status(tried) == DB_OK, taken = strcmp(db_sqlstate(tried), "55P03") == 0;
    db_result_free(tried);
    if (locked) {
        return 0;
    }
    if (taken) {
        output_error("waiting for another migration of this database to end");
    }
    if (!taken || run_script(holder, wait_for_lock) < 0) {
        output_error("cannot lock schema testkase: %s", db_sync_error(holder));
        return -1;
    }
    return 0;
}

/* Returns the connection that holds the lock as long as it is open; NULL after it has printed why not. */
static struct db_sync *
take_lock(const struct command_call *call)
{
    struct db_sync *holder;
    char error[768];
    if (database_open_any(call, 0, &holder, error, sizeof(error)) < 0) {
        output_error("%s", error);
        return NULL;
    }
    if (lock(holder) < 0) {
        db_sync_close(holder);
        return NULL;
    }
    return holder;
}

static int
record(struct db_sync *db, const struct migration *migration)
{
    struct db_value values[] = { DB_INT64(migration->version), DB_TEXT(migration->name),
                                 DB_TEXT(migration->checksum), DB_INT64(migration->oldest_program) };
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

/* What the pending migrations mean for the programs that run on the schema as it is. */
static void
print_effect(int version)
{
    int oldest = 0;
    for (int i = version; i < migration_count; i++) {
        oldest = migrations[i].oldest_program > oldest ? migrations[i].oldest_program : oldest;
    }
    if (version > 0 && version < migration_count) {
        puts(oldest <= version
                 ? "the programs that run now go on working"
                 : "the programs that run now will refuse the new schema, until they are replaced");
    }
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
    print_effect(version);
    if (version > migration_count) {
        printf(NEWER_WORKS, version, migration_count);
    } else if (version == migration_count) {
        printf("nothing is pending: the schema is version %d\n", version);
    }
    return COMMAND_DONE;
}

/* Under the lock. */
static enum command_exit
bring_up(struct db_sync *db, bool json)
{
    int version;
    if (run_script(db, begin) < 0 || run_script(db, "commit") < 0) {
        output_error("cannot lock testkase.schema_migrations: %s", db_sync_error(db));
        return COMMAND_FAILED;
    }
    if (read_version(db, &version) < 0 || apply_pending(db, version, json) < 0) {
        return COMMAND_FAILED;
    }
    if (json) {
        print_json("applied", version, version > migration_count ? version : migration_count);
    } else if (version == migration_count) {
        printf("up to date: the schema is version %d\n", version);
    } else if (version > migration_count) {
        printf(NEWER_WORKS, version, migration_count);
    } else {
        printf("the schema is now version %d\n", migration_count);
    }
    return COMMAND_DONE;
}

static enum command_exit
lock_and_bring_up(const struct command_call *call, struct db_sync *db)
{
    int version;
    if (read_version(db, &version) < 0 || (version == 0 && prepare_record(db) < 0)) {
        return COMMAND_FAILED;
    }
    struct db_sync *holder = take_lock(call);
    enum command_exit outcome = holder ? bring_up(db, call->json) : COMMAND_FAILED;
    db_sync_close(holder);
    return outcome;
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
        command_value(call, "dry-run") ? show_pending(db, call->json) : lock_and_bring_up(call, db);
    db_sync_close(db);
    return outcome;
}

const struct command migrate_commands[] = {
    { .name = "migrate",
      .summary = "bring the database's schema to the version of this program",
      .description = "Applies the migrations that the database has not had, in order, each in one\n"
                     "transaction together with its record in testkase.schema_migrations. Safe to\n"
                     "repeat, to interrupt and to run from several machines at once: one does the\n"
                     "work under a lock, the others wait and find it done.\n"
                     "\n"
                     "Before the first time, as a superuser:\n"
                     "    psql --file sql/roles.sql\n"
                     "    psql --command 'create database testkase owner testkase_owner'\n"
                     "    psql --file sql/roles.sql    # again: closes the database to others\n"
                     "\n"
                     "Connects as testkase_owner, or as a role that is a member of it or a superuser\n"
                     "and then acts as testkase_owner. A second connection holds the lock. A pooler\n"
                     "in between must keep sessions (pool_mode=session), because the role and the\n"
                     "settings belong to the session. The database's encoding must be UTF8.\n"
                     "\n"
                     "Refuses when a migration that was applied has changed since, and when the\n"
                     "database is newer than this program and does not say that it works with it.\n"
                     "Nothing is changed then.",
      .options = { { "dry-run", NULL, "Only list the pending migrations.", false } },
      .examples = "testkase-admin migrate --dry-run\n"
                  "testkase-admin migrate",
      .run = run },
    { .name = NULL },
};
