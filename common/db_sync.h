/* A blocking PostgreSQL connection, for the worker and testkase-admin. Queries are those of sql/queries,
 * prepared on first use. Not thread-safe. */
#ifndef COMMON_DB_SYNC_H
#define COMMON_DB_SYNC_H

#include "common/db_history.h"
#include "common/db_hosts.h"
#include "common/db_result.h"
#include "common/db_value.h"
#include "common/queries.h"
#include <stdbool.h>
#include <stddef.h>

struct db_sync;

enum db_sync_schema {
    DB_SYNC_SCHEMA_CHECKED, /* fail when the database's schema is not the version that this build knows */
    DB_SYNC_SCHEMA_ANY,     /* for migrate and status */
    DB_SYNC_SCHEMA_UNREAD,  /* do not read it yet: the role may lack the right; see db_sync_read_schema() */
};

struct db_sync_options {
    const char *url;
    const char *application_name;
    int statement_timeout_ms; /* 0: none; a wait for a lock ends after half of it */
    enum db_sync_schema schema;
    /* For a program that connects again and again; either may be NULL, and both outlive the connection. A
     * connection to an older timeline than `history` knows is refused: it is to the old primary of a
     * failover. In `hosts`, a host that stood still or was refused for that is passed over. */
    struct db_history *history;
    struct db_hosts *hosts;
};

/* Connects (at most 10 s a host) and makes the settings of sql/queries/db/session.sql. Returns 0, or -1 or
 * DB_SYNC_SHARED (a pooler shares sessions: see db_sync_check_session()) with one line without a secret in
 * `ret_error`. */
#define DB_SYNC_SHARED (-2)
int db_sync_open(const struct db_sync_options *options, struct db_sync **ret_db, char *ret_error,
                 size_t error_size);

/* Whether this connection has a session of PostgreSQL of its own, as statements, settings and LISTEN need it.
 * A pooler may not give it one; to find out, a second connection is made, at the same URL. Returns 0, or -1
 * with one line in `ret_error` when other clients use the session. */
int db_sync_check_session(struct db_sync *db, const char *url, const char *application_name, char *ret_error,
                          size_t error_size);

/* Reads the schema's version after DB_SYNC_SCHEMA_UNREAD. Returns as db_sync_open() does. */
int db_sync_read_schema(struct db_sync *db, enum db_sync_schema schema, char *ret_error, size_t error_size);
void db_sync_close(struct db_sync *db);

/* Runs one query with its parameters. Returns a result, never NULL, for db_result_free(). Waits at most
 * statement_timeout_ms + 5 s; then the connection counts as dead. */
struct db_result *db_sync_call(struct db_sync *db, enum query query, const struct db_value *values);

/* Runs SQL text without parameters, which may contain several statements: migrations, LISTEN, begin, commit.
 */
struct db_result *db_sync_script(struct db_sync *db, const char *sql);

/* PostgreSQL's message of the last failure, one line, without the statement and its parameters; "" when there
 * was none. */
const char *db_sync_error(const struct db_sync *db);

/* Whether the connection is alive, as far as is known. */
bool db_sync_alive(const struct db_sync *db);

/* Whether the schema, as found when opening, has the version that this build knows and its triggers in force;
 * if not, one line in `ret_error` says what to do. */
bool db_sync_schema_fits(const struct db_sync *db, char *ret_error, size_t error_size);

/* The socket, for poll(2): readable when a notification may have come. */
int db_sync_descriptor(const struct db_sync *db);

/* Takes the next notification that has arrived, without waiting. Returns true with channel and payload, which
 * live until the next call, or false when there are no more or the connection is lost (db_sync_alive()). */
bool db_sync_notification(struct db_sync *db, const char **ret_channel, const char **ret_payload);

#endif
