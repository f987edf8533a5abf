/* The result of a query, for db and db_sync alike. */
#ifndef COMMON_DB_RESULT_H
#define COMMON_DB_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db_result;

enum db_status {
    DB_OK,
    DB_REFUSED,     /* PostgreSQL answered with an error; see db_sqlstate() */
    DB_UNAVAILABLE, /* no connection, connection lost, or deadline passed; the statement may have taken effect
                     */
};

enum db_status db_status(const struct db_result *result);
/* Five characters, "" when the status is not DB_REFUSED. */
const char *db_sqlstate(const struct db_result *result);
/* The name of the violated constraint, or "". */
const char *db_constraint(const struct db_result *result);
/* PostgreSQL's message, for the log. "" when there is none, and for the classes of errors (22, 23) whose
 * messages quote values. */
const char *db_message(const struct db_result *result);
int db_rows(const struct db_result *result);
bool db_is_null(const struct db_result *result, int row, int column);
/* The text form; NULL for SQL NULL. */
const char *db_text(const struct db_result *result, int row, int column);
/* A number from either form; 0 for SQL NULL. The binary form may be int2, int4, int8, or timestamptz, as
 * microseconds since 2000-01-01Z. */
int64_t db_int64(const struct db_result *result, int row, int column);
bool db_bool(const struct db_result *result, int row, int column);
/* Columns are numbered from 0; their names are those of the statement's select list. */
enum db_type { DB_TYPE_TEXT, DB_TYPE_INTEGER, DB_TYPE_BOOLEAN, DB_TYPE_JSON };
int db_columns(const struct db_result *result);
const char *db_column_name(const struct db_result *result, int column);
/* The form in which JSON shows the column's type. */
enum db_type db_column_type(const struct db_result *result, int column);
/* The number of the column of that name, or -1. */
int db_column(const struct db_result *result, const char *name);

const void *db_bytes(const struct db_result *result, int row, int column, size_t *ret_length);

/* Takes another reference, for one more db_result_free(), so that `result` outlives its callback. */
struct db_result *db_result_keep(const struct db_result *result);
/* NULL is fine. */
void db_result_free(struct db_result *result);

/* --- for db and db_sync, which make results --- */

struct pg_result; /* libpq's PGresult */

/* Takes over `pg` (may be NULL, with DB_UNAVAILABLE). Returns one reference, for db_result_free(). */
struct db_result *db_result_new(enum db_status status, struct pg_result *pg);

/* DB_OK or DB_REFUSED. */
enum db_status db_result_judge(const struct pg_result *pg);

#endif
