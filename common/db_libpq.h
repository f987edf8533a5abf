/* How db and db_sync use libpq: parameters, names of statements, opening a connection, messages. Private to
 * these two. */
#ifndef COMMON_DB_LIBPQ_H
#define COMMON_DB_LIBPQ_H

#include "common/db_result.h"
#include "common/db_value.h"
#include "common/queries.h"
#include "common/text.h"
#include <stdbool.h>
#include <stddef.h>

/* Values as libpq's arrays. */
struct db_libpq_parameters {
    int count;
    const char *values[DB_PARAMETERS_MAX];
    int lengths[DB_PARAMETERS_MAX];
    int formats[DB_PARAMETERS_MAX];
    char numbers[DB_PARAMETERS_MAX]
                [TEXT_NUMBER_SIZE]; /* the decimal form of numbers; `values` points to them */
};

void db_libpq_parameters_set(struct db_libpq_parameters *parameters, enum query query,
                             const struct db_value *values);

/* The name of the prepared statement of `query`. */
#define DB_LIBPQ_NAME_SIZE 16
void db_libpq_statement_name(enum query query, char ret_name[DB_LIBPQ_NAME_SIZE]);

/* Keywords and values for PQconnect*Params with expand_dbname: first defaults that the URL may override, then
 * the URL, then settings that it may not override. `network_timeout_ms`: a peer that does not acknowledge
 * data for longer counts as dead. */
struct db_libpq_connect_parameters {
    const char *keywords[16];
    const char *values[16];
    char timeout[TEXT_NUMBER_SIZE];
};

void db_libpq_connect_parameters_set(struct db_libpq_connect_parameters *parameters, const char *url,
                                     const char *application_name, int network_timeout_ms);

/* Writes libpq's message as one line, cut to `size`. */
void db_libpq_one_line(const char *message, char *ret_line, size_t size);

/* Whether the error of QUERY_DB_SCHEMA_VERSION means that there is no schema at all. */
bool db_libpq_schema_is_absent(const struct db_result *result);

/* Writes what is wrong with the schema's version and what to do, as one line; version 0: there is no schema.
 */
void db_libpq_describe_schema(int version, char *ret_line, size_t size);

#endif
