/* One asynchronous PostgreSQL connection on one libevent loop. Queries are those of sql/queries, prepared on
 * first use and sent in pipeline mode, each in a transaction of its own. When the connection is lost, every
 * pending call fails, and it reconnects with backoff (50 ms doubling to 2 s, up to half of it jitter). Of
 * several hosts, one that stood still or was an old primary is tried last the next time.
 *
 * A submitted call ends in exactly one callback, which comes from the loop, never from within the call that
 * submits it. Not thread-safe: a db belongs to the thread of its loop. Only common/db*.c use libpq. */
#ifndef COMMON_DB_H
#define COMMON_DB_H

#include "common/db_history.h"
#include "common/db_result.h"
#include "common/db_value.h"
#include "common/queries.h"
#include <stdbool.h>

struct event_base;
struct db;

/* `result` lives until the callback returns. */
typedef void db_callback(const struct db_result *result, void *argument);

struct db_options {
    const char *url;              /* libpq connection string or URI; copied */
    const char *application_name; /* copied */
    int statement_timeout_ms; /* PostgreSQL cancels a statement after this time, and a wait for a lock after
                                 half of it */
    int call_deadline_ms; /* a call without an answer for this long means that the connection is dead; longer
                             than statement_timeout_ms */
    int pending_max;      /* calls beyond this many end in DB_UNAVAILABLE */
    /* Shared by all connections of the process, or NULL. Outlives the db. Once any of them has seen a newer
     * timeline, a connection to the old one is given up, and its pending calls end in DB_UNAVAILABLE. */
    struct db_history *history;
    /* Called from the loop when the connection becomes usable, when it is lost, and after each failed attempt
     * to connect; db_failure() says why. May be NULL. */
    void (*on_state)(struct db *db, bool usable, void *argument);
    void *argument;
};

/* Begins to connect, in the loop. Never NULL. */
struct db *db_new(struct event_base *base, const struct db_options *options);

/* Has `callback` told the channel of each notification that the connection receives (LISTEN). Those that come
 * while it is lost are lost, too. */
void db_on_notification(struct db *db, void (*callback)(const char *channel, void *argument), void *argument);

/* Fails the pending calls, whose callbacks run before it returns, closes the connection and frees it; NULL is
 * fine. Not to be called from a callback. */
void db_free(struct db *db);

/* Whether calls can be sent: connected to a primary of the newest timeline, session set up, and the schema
 * has this build's version or a newer one that this build works with, and its triggers in force. */
bool db_usable(const struct db *db);

/* Whether this build does not work with the version of the database's schema; db_failure() says which. */
bool db_schema_refused(const struct db *db);

/* Whether the last attempt met the old primary of a failover; db_failure() has the words. */
bool db_history_refused(const struct db *db);

/* The reason why the connection is not usable: one line without a secret; "" when it is usable. */
const char *db_failure(const struct db *db);

/* How many calls have not ended yet. */
int db_pending(const struct db *db);

/* Sends `query` at once, with as many values as it takes (query_texts[query].parameters); copies the values.
 * With `binary`, the result comes in PostgreSQL's binary form, for db_int64() and db_bytes(), otherwise as
 * text, for db_text(). When the connection is not usable, the callback gets DB_UNAVAILABLE. */
void db_call(struct db *db, enum query query, const struct db_value *values, bool binary,
             db_callback *callback, void *argument);

#endif
