/* The streams of one loop. A stream is admitted before its first query, so that nothing is told between the
 * query and its beginning. It ends with its session: at a sign-out, with a new password, when the account is
 * deactivated, and when its time is over. PostgreSQL notifies of that; every few seconds one query checks all
 * sessions of the loop in any case. When no check succeeds for too long, all streams end. */
#ifndef SERVER_STREAMS_STREAMS_H
#define SERVER_STREAMS_STREAMS_H

#include "server/streams/hub.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAMS_CHECK_MS     3000  /* between checks of the sessions */
#define STREAMS_TRUST_MS     10000 /* how long the last check counts */
#define STREAMS_HEARTBEAT_MS 20000 /* a stream says something at least this often */

struct connection;
struct handlers;
struct metrics;
struct stream;
struct streams;

struct streams_options {
    struct event_base *base;
    const struct handlers *handlers; /* their pending calls refer to the streams: free them first */
    struct hub *hub;
    struct metrics *metrics; /* the loop's */
    size_t most;             /* streams */
};

struct streams *streams_new(const struct streams_options *options);
/* After the connections are closed. NULL is fine. */
void streams_free(struct streams *streams);

/* For a shutdown: ends all streams; no more are admitted. */
void streams_close(struct streams *streams);
bool streams_are_closed(const struct streams *streams);

/* --- one stream --- */

struct streams_caller {
    int64_t organization, person, session;
};

/* Returns NULL, and says why, when there are too many. */
struct stream *streams_admit(struct streams *streams, const struct streams_caller *caller,
                             enum hub_answer *ret_why);
/* Frees a struct stream: instead of its beginning, or when its connection has closed. */
void streams_forget(void *of_stream);

/* Whether there were news for the person since the last call: the query must be made again. */
bool streams_has_news(struct stream *stream);

/* Begins: news go to the connection, but those that `snapshot`, of its query, has seen. `left_ms`: what is
 * left of the session. */
void streams_begin(struct stream *stream, struct connection *connection, int64_t left_ms,
                   const char *snapshot);

/* The greatest sequence that the loop knows. */
int64_t streams_sequence(const struct stream *stream);

#endif
