#include "common/db_libpq.h"
#include "common/migrations.h"
#include <stdio.h>
#include <string.h>

void
db_libpq_parameters_set(struct db_libpq_parameters *parameters, enum query query,
                        const struct db_value *values)
{
    parameters->count = query_texts[query].parameters;
    for (int i = 0; i < parameters->count; i++) {
        parameters->values[i] = values[i].bytes;
        parameters->formats[i] = values[i].length >= 0;
        parameters->lengths[i] = values[i].length >= 0 ? values[i].length : 0;
        if (values[i].length == DB_LENGTH_NUMBER) {
            text_number(values[i].number, parameters->numbers[i]);
            parameters->values[i] = parameters->numbers[i];
        }
    }
}

void
db_libpq_statement_name(enum query query, char ret_name[DB_LIBPQ_NAME_SIZE])
{
    snprintf(ret_name, DB_LIBPQ_NAME_SIZE, "q%d", (int)query);
}

void
db_libpq_connect_parameters_set(struct db_libpq_connect_parameters *parameters, const char *url,
                                const char *application_name, int network_timeout_ms,
                                const struct db_hosts *hosts)
{
    snprintf(parameters->timeout, sizeof(parameters->timeout), "%d", network_timeout_ms);
    const struct {
        const char *keyword, *value;
    } table[] = {
        { "connect_timeout", "10" },
        { "keepalives_idle", "15" },
        { "keepalives_interval", "5" },
        { "keepalives_count", "3" },
        { "tcp_user_timeout", parameters->timeout },
        { "target_session_attrs", "primary" },
        { "dbname", url },
        { "application_name", application_name },
        { "client_encoding", "UTF8" },
        { "host", hosts ? hosts->host : NULL }, /* libpq passes over what is NULL */
        { "hostaddr", hosts ? hosts->hostaddr : NULL },
        { "port", hosts ? hosts->port : NULL },
    };
    const size_t count = sizeof(table) / sizeof(table[0]);
    for (size_t i = 0; i < count; i++) {
        parameters->keywords[i] = table[i].keyword;
        parameters->values[i] = table[i].value;
    }
    parameters->keywords[count] = NULL;
    parameters->values[count] = NULL;
}

void
db_libpq_one_line(const char *message, char *ret_line, size_t size)
{
    size_t length = 0;
    bool space = false;
    for (; *message && length + 2 < size; message++) {
        if (*message == '\n' || *message == '\t' || *message == ' ') {
            space = length > 0;
            continue;
        }
        if (space) {
            ret_line[length++] = ' ';
            space = false;
        }
        ret_line[length++] = *message;
    }
    ret_line[length] = '\0';
}

const char *const db_libpq_first[DB_LIBPQ_FIRST_COUNT] = {
    "set statement_timeout = 0", "set exit_on_error = off",
    "set jit = off", /* compiling would take longer than the statement */
};

const char *
db_libpq_session_refusal(const struct db_result *result)
{
    static const struct {
        const char *code, *line;
    } refusals[] = {
        { "standby", "connected to a standby, which may be behind and where nothing can be changed" },
        { "encoding", "the database's encoding is not UTF8: make it anew, with encoding 'UTF8' template "
                      "template0" },
        { "replica", "session_replication_role is replica for this role or database, so that triggers and "
                     "foreign keys do not work: reset it there, or in postgresql.conf" },
    };
    const char *code = db_text(result, 0, 0);
    for (size_t i = 0; code && i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (strcmp(code, refusals[i].code) == 0) {
            return refusals[i].line;
        }
    }
    return code;
}

void
db_libpq_old_timeline(db_timeline timeline, db_timeline newest, char *ret_line, size_t size)
{
    snprintf(
        ret_line, size,
        "connected to an old timeline (%u) of a PostgreSQL whose timeline %u this program has seen: stop "
        "the old primary of the failover; if the database was set back on purpose, restart this program",
        (unsigned)db_history_number(timeline), (unsigned)db_history_number(newest));
}

db_timeline
db_libpq_timeline(const struct db_result *result)
{
    bool is_told = db_status(result) == DB_OK && db_rows(result) == 1;
    return is_told ? db_history_timeline(db_int64(result, 0, 0), db_int64(result, 0, 1)) : 0;
}

static bool
is_absent(const struct db_result *result)
{
    const char *state = db_sqlstate(result);
    return strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0;
}

bool
db_libpq_is_shared_session(const struct db_result *result)
{
    return strcmp(db_sqlstate(result), "42P05") == 0;
}

int
db_libpq_schema_read(const struct db_result *result, struct db_libpq_schema *ret_schema)
{
    *ret_schema = (struct db_libpq_schema){ .version = 0 };
    if (db_status(result) != DB_OK) {
        return is_absent(result) ? 0 : -1;
    }
    ret_schema->version = (int)db_int64(result, 0, 0);
    ret_schema->oldest_program = (int)db_int64(result, 0, 2);
    const char *trigger = db_text(result, 0, 1);
    snprintf(ret_schema->missing_trigger, sizeof(ret_schema->missing_trigger), "%s", trigger ? trigger : "");
    return 0;
}

bool
db_libpq_version_fits(int version, int oldest_program)
{
    return version == migration_count || (version > migration_count && oldest_program <= migration_count);
}

bool
db_libpq_schema_fits(const struct db_libpq_schema *schema, char *ret_line, size_t size)
{
    if (schema->version == 0) {
        snprintf(ret_line, size, "the database has no schema yet: run testkase-admin migrate");
    } else if (schema->version < migration_count) {
        snprintf(ret_line, size,
                 "the database's schema is version %d, older than version %d of this program: run "
                 "testkase-admin migrate",
                 schema->version, migration_count);
    } else if (!db_libpq_version_fits(schema->version, schema->oldest_program)) {
        snprintf(ret_line, size,
                 "the database's schema is version %d, newer than version %d of this program: install the "
                 "newer release",
                 schema->version, migration_count);
    } else if (*schema->missing_trigger) {
        snprintf(ret_line, size,
                 "trigger %s is disabled or missing, so that no server would learn of a revocation: alter "
                 "table … enable trigger user, or finish the restore",
                 schema->missing_trigger);
    } else {
        return true;
    }
    return false;
}
