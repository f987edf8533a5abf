#include "common/db_result.h"
#include "common/memory.h"
#include <endian.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

struct db_result {
    enum db_status status;
    int references;
    PGresult *pg;
};

struct db_result *
db_result_new(enum db_status status, PGresult *pg)
{
    struct db_result *result = memory_new(1, sizeof(*result));
    result->status = status;
    result->references = 1;
    result->pg = pg;
    return result;
}

struct db_result *
db_result_keep(const struct db_result *result)
{
    struct db_result *kept = (struct db_result *)result;
    kept->references++;
    return kept;
}

void
db_result_free(struct db_result *result)
{
    if (!result || --result->references > 0) {
        return;
    }
    PQclear(result->pg);
    free(result);
}

enum db_status
db_result_judge(const PGresult *pg)
{
    switch (PQresultStatus(pg)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        return DB_OK;
    default:
        return DB_REFUSED;
    }
}

enum db_status
db_status(const struct db_result *result)
{
    return result->status;
}

static const char *
error_field(const struct db_result *result, int code)
{
    const char *text = result->status == DB_REFUSED ? PQresultErrorField(result->pg, code) : NULL;
    return text ? text : "";
}

const char *
db_sqlstate(const struct db_result *result)
{
    return error_field(result, PG_DIAG_SQLSTATE);
}

const char *
db_constraint(const struct db_result *result)
{
    return error_field(result, PG_DIAG_CONSTRAINT_NAME);
}

const char *
db_message(const struct db_result *result)
{
    const char *state = db_sqlstate(result);
    bool quotes_values = strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0;
    return quotes_values ? "" : error_field(result, PG_DIAG_MESSAGE_PRIMARY);
}

int
db_rows(const struct db_result *result)
{
    return result->status == DB_OK ? PQntuples(result->pg) : 0;
}

bool
db_is_null(const struct db_result *result, int row, int column)
{
    return PQgetisnull(result->pg, row, column);
}

const char *
db_text(const struct db_result *result, int row, int column)
{
    return PQgetisnull(result->pg, row, column) ? NULL : PQgetvalue(result->pg, row, column);
}

static int64_t
binary_number(const char *bytes, int length)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (length) {
    case 2:
        memcpy(&two, bytes, sizeof(two));
        return (int16_t)be16toh(two);
    case 4:
        memcpy(&four, bytes, sizeof(four));
        return (int32_t)be32toh(four);
    case 8:
        memcpy(&eight, bytes, sizeof(eight));
        return (int64_t)be64toh(eight);
    default:
        return 0;
    }
}

int64_t
db_int64(const struct db_result *result, int row, int column)
{
    if (PQgetisnull(result->pg, row, column)) {
        return 0;
    }
    const char *bytes = PQgetvalue(result->pg, row, column);
    if (PQfformat(result->pg, column) == 0) {
        return strtoll(bytes, NULL, 10);
    }
    return binary_number(bytes, PQgetlength(result->pg, row, column));
}

bool
db_bool(const struct db_result *result, int row, int column)
{
    if (PQgetisnull(result->pg, row, column)) {
        return false;
    }
    char first = PQgetvalue(result->pg, row, column)[0];
    return PQfformat(result->pg, column) == 0 ? first == 't' : first == 1;
}

const void *
db_bytes(const struct db_result *result, int row, int column, size_t *ret_length)
{
    *ret_length = (size_t)PQgetlength(result->pg, row, column);
    return PQgetvalue(result->pg, row, column);
}

/* Fixed in PostgreSQL's catalog (pg_type.dat). */
enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_JSON = 114 };

int
db_columns(const struct db_result *result)
{
    return PQnfields(result->pg);
}

const char *
db_column_name(const struct db_result *result, int column)
{
    return PQfname(result->pg, column);
}

enum db_type
db_column_type(const struct db_result *result, int column)
{
    switch (PQftype(result->pg, column)) {
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
        return DB_TYPE_INTEGER;
    case OID_BOOL:
        return DB_TYPE_BOOLEAN;
    case OID_JSON:
        return DB_TYPE_JSON;
    default:
        return DB_TYPE_TEXT;
    }
}

/* Not by PQfnumber(), which folds the name to lower case. */
int
db_column(const struct db_result *result, const char *name)
{
    for (int column = 0; column < PQnfields(result->pg); column++) {
        if (strcmp(PQfname(result->pg, column), name) == 0) {
            return column;
        }
    }
    return -1;
}
