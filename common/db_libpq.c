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
                                const char *application_name, int network_timeout_ms)
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
        { "target_session_attrs", "read-write" },
        { "dbname", url },
        { "application_name", application_name },
        { "client_encoding", "UTF8" },
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

bool
db_libpq_schema_is_absent(const struct db_result *result)
{
    const char *state = db_sqlstate(result);
    return strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0;
}

void
db_libpq_describe_schema(int version, char *ret_line, size_t size)
{
    if (version == 0) {
        snprintf(ret_line, size, "the database has no schema yet: run testkase-admin migrate");
    } else if (version < migration_count) {
        snprintf(ret_line, size,
                 "the database's schema is version %d, older than version %d of this program: run "
                 "testkase-admin migrate",
                 version, migration_count);
    } else {
        snprintf(ret_line, size,
                 "the database's schema is version %d, newer than version %d of this program: install the "
                 "newer release",
                 version, migration_count);
    }
}
