/* How db and db_sync use libpq: parameters, names of statements, opening a connection, messages. Private to
 * these two. */
#ifndef COMMON_DB_LIBPQ_H
#define COMMON_DB_LIBPQ_H

#include "common/db_history.h"
#include "common/db_hosts.h"
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

/* A name in PostgreSQL (NAMEDATALEN). */
#define DB_LIBPQ_IDENTIFIER_SIZE 64

/* The name of the prepared statement of `query`. */
#define DB_LIBPQ_NAME_SIZE 16
void db_libpq_statement_name(enum query query, char ret_name[DB_LIBPQ_NAME_SIZE]);

/* Keywords and values for PQconnect*Params with expand_dbname: first defaults that the URL may override, then
 * the URL, then settings that it may not override. `network_timeout_ms`: a peer that does not acknowledge
 * data for longer counts as dead. `hosts`: the order of the URL's; NULL for its own. */
struct db_libpq_connect_parameters {
    const char *keywords[16];
    const char *values[16];
    char timeout[TEXT_NUMBER_SIZE];
};

void db_libpq_connect_parameters_set(struct db_libpq_connect_parameters *parameters, const char *url,
                                     const char *application_name, int network_timeout_ms,
                                     const struct db_hosts *hosts);

/* Writes libpq's message as one line, cut to `size`. */
void db_libpq_one_line(const char *message, char *ret_line, size_t size);

/* Statements without parameters to send before QUERY_DB_SESSION, which is itself a statement: they make those
 * settings whose defaults could end it, or the connection, too early. */
#define DB_LIBPQ_FIRST_COUNT 3
extern const char *const db_libpq_first[DB_LIBPQ_FIRST_COUNT];

/* Why the result of QUERY_DB_SESSION forbids to use the connection, and what to do, as a constant line; NULL
 * when nothing does. */
const char *db_libpq_session_refusal(const struct db_result *result);

/* Writes why a connection to the old primary of a failover is not used, as one line. */
void db_libpq_old_timeline(db_timeline timeline, db_timeline newest, char *ret_line, size_t size);

/* The timeline in the result of QUERY_DB_HISTORY; 0 when PostgreSQL did not tell it: a managed service may
 * forbid the functions. */
db_timeline db_libpq_timeline(const struct db_result *result);

/* The database's schema, as QUERY_DB_SCHEMA_VERSION found it. */
struct db_libpq_schema {
    int version;                                        /* 0: there is no schema */
    int oldest_program;                                 /* the oldest version whose programs work with it */
    char missing_trigger[2 * DB_LIBPQ_IDENTIFIER_SIZE]; /* "trigger of table", or "" */
};

/* Reads the result of QUERY_DB_SCHEMA_VERSION. Returns 0, or -1 when it is an error other than that there is
 * no schema at all. */
int db_libpq_schema_read(const struct db_result *result, struct db_libpq_schema *ret_schema);

/* Whether a schema of that version is right for the programs of this build: it is theirs, or a newer one that
 * says so. */
bool db_libpq_version_fits(int version, int oldest_program);

/* Whether the programs of this build can use the schema; if not, writes what is wrong and what to do, as one
 * line. */
bool db_libpq_schema_fits(const struct db_libpq_schema *schema, char *ret_line, size_t size);

/* The reason to refuse a pooler that gives one session to several clients. */
#define DB_LIBPQ_SHARED_SESSION                                                                              \
    "other clients use the same sessions of PostgreSQL: a pooler in between must be in session mode "        \
    "(PgBouncer: pool_mode = session)"

/* Whether the error is that a statement of this name exists already: another client has prepared it in this
 * session, since we prepare each once. */
bool db_libpq_is_shared_session(const struct db_result *result);

#endif
