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

/* One parameter: a text, `length` bytes of PostgreSQL's binary form, or a number; NULL bytes are SQL's null.
 * Made by the macros. */
struct db_value {
    const char *bytes;
    int length; /* of the binary form; or one of these two */
    int64_t number;
};

#define DB_LENGTH_TEXT           (-1)
#define DB_LENGTH_NUMBER         (-2)
#define DB_TEXT(text)            ((struct db_value){ (text), DB_LENGTH_TEXT, 0 })
#define DB_BINARY(bytes, length) ((struct db_value){ (bytes), (length), 0 })
#define DB_INT64(number)         ((struct db_value){ NULL, DB_LENGTH_NUMBER, (number) })
#define DB_NULL                  DB_TEXT(NULL)
/* A text or NULL, in the initializer of a constant. */
#define DB_CONSTANT(text)                                                                                    \
    {                                                                                                        \
        (text), DB_LENGTH_TEXT, 0                                                                            \
    }

#define DB_PARAMETERS_MAX 32

/* A parameter by the name that the statement gives it; a list of them ends with a row without a name. */
struct db_named {
    const char *name;
    struct db_value value;
};

/* The value of that name; false when the list has none. The list may be NULL. */
bool db_named_find(const struct db_named *values, const char *name, struct db_value *ret_value);

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
/* The columns, by number from 0. Names are those of the statement's select list. */
enum db_type { DB_TYPE_TEXT, DB_TYPE_INTEGER, DB_TYPE_BOOLEAN, DB_TYPE_JSON };
int db_columns(const struct db_result *result);
const char *db_column_name(const struct db_result *result, int column);
/* How PostgreSQL's type of it is best shown in JSON. */
enum db_type db_column_type(const struct db_result *result, int column);
/* The number of the column of that name; -1 when there is none. */
int db_column(const struct db_result *result, const char *name);

const void *db_bytes(const struct db_result *result, int row, int column, size_t *ret_length);

/* Keeps `result` beyond its callback, for one more db_result_free(). */
struct db_result *db_result_keep(const struct db_result *result);
/* NULL is fine. */
void db_result_free(struct db_result *result);

#endif
