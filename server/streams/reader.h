/* Reads the outbox for all streams of the process: one query when PostgreSQL notifies of new rows, and one
 * every few seconds, in case a notification was lost. Has the sessions checked when PostgreSQL notifies that
 * some have ended. What was committed while PostgreSQL could not be reached is read afterwards.
 *
 * Belongs to the first loop. */
#ifndef SERVER_STREAMS_READER_H
#define SERVER_STREAMS_READER_H

struct db;
struct event_base;
struct hub;
struct reader;

/* Listens and reads through `db`, whose pending calls refer to the reader: free the db first. */
struct reader *reader_new(struct event_base *base, struct db *db, struct hub *hub);
/* NULL is fine. */
void reader_free(struct reader *reader);

/* Listens, and reads what was missed. For when the db has become usable. */
void reader_connected(struct reader *reader);

#endif
