/* One asynchronous PostgreSQL connection on one libevent loop. Queries are those of sql/queries, prepared on
 * first use and sent in pipeline mode, each its own transaction. The connection heals itself: when it dies,
 * every pending call fails through the loop and it reconnects with backoff (50 ms doubling to 2 s, half of it
 * jitter).
 *
 * A submitted call ends in exactly one callback, never from within the call that submits it. Not thread-safe:
 * a db belongs to the thread of its loop. This file and db_sync are the only ones that know libpq. */
#ifndef COMMON_DB_H
#define COMMON_DB_H

#include "common/queries.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct db;
struct db_result;

enum db_status {
    DB_OK,
    DB_REFUSED,     /* PostgreSQL answered with an error; see db_sqlstate() */
    DB_UNAVAILABLE, /* no connection, it was lost, or the deadline passed; whether the statement took effect
                       is unknown */
};

/* `result` lives until the callback returns. */
typedef void db_callback(const struct db_result *result, void *argument);

struct db_options {
    const char *url;              /* libpq connection string or URI; copied */
    const char *application_name; /* copied */
    int statement_timeout_ms; /* PostgreSQL gives up a statement after this; also its lock time-out is half of
                                 it */
    int call_deadline_ms; /* a call unanswered for this long means that the connection is dead; more than the
                             above */
    int pending_max;      /* calls beyond this many end in DB_UNAVAILABLE */
    /* Called through the loop when the connection becomes usable, when it is lost, and after every attempt to
     * connect that failed; db_failure() says why. May be NULL. */
    void (*on_state)(struct db *db, bool usable, void *argument);
    void *argument;
};

/* NULL when libpq can read the connection string, else a constant sentence. libpq's own message quotes what
 * it cannot read, which may be a part of the password. */
const char *db_url_refusal(const char *url);

/* Starts to connect, from the loop. Never NULL. */
struct db *db_new(struct event_base *base, const struct db_options *options);

/* Fails what is pending (callbacks run before it returns), closes and frees; NULL is fine. Not from within a
 * callback. */
void db_free(struct db *db);

/* Connected to a primary, session settings made, and the schema is the version that this binary knows. */
bool db_usable(const struct db *db);

/* Whether the database's schema was seen and is not the one that this build knows; db_failure() says more. */
bool db_schema_refused(const struct db *db);

/* Why there is no usable connection: one line without a secret; "" when there is one. */
const char *db_failure(const struct db *db);

/* Calls submitted and not ended. */
int db_pending(const struct db *db);

/* One parameter. Text form unless length >= 0, then `length` bytes of PostgreSQL's binary form. NULL value:
 * SQL NULL. */
struct db_value {
    const char *text;
    int length;
};

#define DB_TEXT(value)           ((struct db_value){ (value), -1 })
#define DB_BINARY(value, length) ((struct db_value){ (value), (length) })

/* The decimal form of a number, as a parameter; the buffer must live until db_call() returns. */
#define DB_NUMBER_SIZE 24
struct db_value db_number(char buffer[DB_NUMBER_SIZE], int64_t number);

/* Sends `query` at once, with as many values as it takes (query_texts[query].parameters). The values are
 * copied. With `binary`, the result comes in PostgreSQL's binary form, for db_int64() and db_bytes(); else as
 * text, for db_text(). When the connection is not usable, the callback tells so through the loop. */
void db_call(struct db *db, enum query query, const struct db_value *values, bool binary,
             db_callback *callback, void *argument);

/* --- the result, within a callback --- */

enum db_status db_status(const struct db_result *result);
/* Five characters, "" when the status is not DB_REFUSED. */
const char *db_sqlstate(const struct db_result *result);
/* Name of the violated constraint, or "". */
const char *db_constraint(const struct db_result *result);
/* PostgreSQL's message for the log, or "": also for the classes of error (22, 23) whose text quotes values.
 */
const char *db_message(const struct db_result *result);
int db_rows(const struct db_result *result);
bool db_is_null(const struct db_result *result, int row, int column);
/* Text form; NULL for SQL NULL. */
const char *db_text(const struct db_result *result, int row, int column);
/* A number from either form (int2, int4, int8 or timestamptz in binary: microseconds since 2000-01-01Z); 0
 * for SQL NULL. */
int64_t db_int64(const struct db_result *result, int row, int column);
bool db_bool(const struct db_result *result, int row, int column);
const void *db_bytes(const struct db_result *result, int row, int column, size_t *ret_length);

/* Keeps `result` beyond its callback, for one more db_result_free(). */
struct db_result *db_result_keep(const struct db_result *result);
/* NULL is fine. */
void db_result_free(struct db_result *result);

#endif
