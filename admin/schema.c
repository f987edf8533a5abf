#include "admin/schema.h"
#include "common/memory.h"
#include "common/migrations.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
schema_label(int version, char ret_label[SCHEMA_LABEL_SIZE])
{
    snprintf(ret_label, SCHEMA_LABEL_SIZE, "%04d_%s", version, migrations[version - 1].name);
}

void
schema_write_labels(struct json_writer *writer, int version)
{
    json_open_array(writer);
    for (int next = version + 1; next <= migration_count; next++) {
        char label[SCHEMA_LABEL_SIZE];
        schema_label(next, label);
        json_put_text(writer, label);
    }
    json_close_array(writer);
}

/* Whether the record at `index` is the build's migration of that number. */
static bool
is_same(const struct schema_record *record, int index)
{
    return record->version == migrations[index].version &&
           strcmp(record->name, migrations[index].name) == 0 &&
           strcmp(record->checksum, migrations[index].checksum) == 0;
}

static void
describe_difference(const struct schema_record *record, int index, char *ret_line, size_t size)
{
    char label[SCHEMA_LABEL_SIZE];
    schema_label(index + 1, label);
    if (record->version != index + 1) {
        snprintf(
            ret_line, size,
            "the database's record of migrations lacks %s although later ones are there: restore the table "
            "testkase.schema_migrations from a backup",
            label);
        return;
    }
    snprintf(
        ret_line, size,
        "migration %s was applied to this database with other content (recorded: %s, SHA-256 %.12s…; this "
        "program: %.12s…): use the release that made the database, or an unaltered one that follows it; a "
        "database of an unreleased version has to be made anew",
        label, record->name, record->checksum, migrations[index].checksum);
}

/* Whether the migrations that this build does not have work with it. */
static bool
all_work(const struct schema_record *records, int count)
{
    for (int i = migration_count; i < count; i++) {
        if (records[i].oldest_program > migration_count) {
            return false;
        }
    }
    return true;
}

enum schema_state
schema_compare(const struct schema_record *records, int count, char *ret_line, size_t size)
{
    for (int i = 0; i < count && i < migration_count; i++) {
        if (!is_same(&records[i], i)) {
            describe_difference(&records[i], i, ret_line, size);
            return SCHEMA_CHANGED;
        }
    }
    if (count > migration_count && all_work(records, count)) {
        return SCHEMA_AHEAD;
    }
    if (count > migration_count) {
        snprintf(
            ret_line, size,
            "the database's schema is version %d, newer than version %d of this program: install the newer "
            "release",
            records[count - 1].version, migration_count);
        return SCHEMA_NEWER;
    }
    return count < migration_count ? SCHEMA_BEHIND : SCHEMA_CURRENT;
}

static bool
is_absent(const struct db_result *result)
{
    return strcmp(db_sqlstate(result), "42P01") == 0 || strcmp(db_sqlstate(result), "3F000") == 0;
}

static struct schema_record *
take_records(const struct db_result *result)
{
    struct schema_record *records = memory_new((size_t)db_rows(result) + 1, sizeof(*records));
    for (int row = 0; row < db_rows(result); row++) {
        records[row].version = (int)db_int64(result, row, 0);
        records[row].name = db_text(result, row, 1);
        records[row].checksum = db_text(result, row, 2);
        records[row].oldest_program = (int)db_int64(result, row, 3);
    }
    return records;
}

int
schema_read(struct db_sync *db, int *ret_version, enum schema_state *ret_state, char *ret_line, size_t size)
{
    struct db_result *result = db_sync_call(db, QUERY_ADMIN_MIGRATIONS, NULL);
    if (db_status(result) != DB_OK && !is_absent(result)) {
        snprintf(ret_line, size, "cannot read the record of migrations: %s", db_sync_error(db));
        db_result_free(result);
        return -1;
    }
    int count = db_rows(result);
    struct schema_record *records = take_records(result);
    *ret_version = count > 0 ? records[count - 1].version : 0;
    *ret_state = schema_compare(records, count, ret_line, size);
    free(records);
    db_result_free(result);
    return 0;
}
