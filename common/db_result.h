/* What db and db_sync share: the result of a call, and how a connection is opened. Private to common/db*.c,
 * the only files that know libpq. */
#ifndef COMMON_DB_RESULT_H
#define COMMON_DB_RESULT_H

#include "common/db.h"
#include "common/text.h"
#include <libpq-fe.h>

/* Takes over `pg` (may be NULL, with DB_UNAVAILABLE). One reference, for db_result_free(). */
struct db_result *db_result_new(enum db_status status, PGresult *pg);

/* DB_OK or DB_REFUSED, by what libpq says of it. */
enum db_status db_result_judge(const PGresult *pg);

/* `values` as libpq's four arrays. */
struct db_parameters {
    int count;
    const char *values[DB_PARAMETERS_MAX];
    int lengths[DB_PARAMETERS_MAX];
    int formats[DB_PARAMETERS_MAX];
    char numbers[DB_PARAMETERS_MAX][TEXT_NUMBER_SIZE]; /* in decimal, where `values` points to them */
};

void db_parameters_set(struct db_parameters *parameters, enum query query, const struct db_value *values);

/* Name of the prepared statement of `query` on a connection. */
#define DB_STATEMENT_NAME_SIZE 16
void db_statement_name(enum query query, char ret_name[DB_STATEMENT_NAME_SIZE]);

/* libpq's keywords and values for PQconnect*Params with expand_dbname: defaults first, which the URL may
 * override, then what it may not. `network_timeout_ms`: a peer that is silent for longer counts as dead. */
struct db_connect_parameters {
    const char *keywords[16];
    const char *values[16];
    char timeout[TEXT_NUMBER_SIZE];
};

void db_connect_parameters_set(struct db_connect_parameters *parameters, const char *url,
                               const char *application_name, int network_timeout_ms);

/* libpq's message as one line in `ret_line`, cut to its size. */
void db_one_line(const char *message, char *ret_line, size_t size);

/* Whether this error of the schema query says that there is no schema at all. */
bool db_schema_is_absent(const struct db_result *result);

/* "the database's schema is version 3, this program knows version 7: run testkase-admin migrate" */
void db_describe_schema(int version, char *ret_line, size_t size);

#endif
