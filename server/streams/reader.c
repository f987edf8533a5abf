#include "server/streams/reader.h"
#include "common/db.h"
#include "common/memory.h"
#include "server/streams/hub.h"
#include "server/streams/news.h"
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_S    3
#define GATHER_MS 10 /* notifications that come together share a query */

struct reader {
    struct db *db;
    struct hub *hub;
    char *position; /* the snapshot of the last read; NULL before the first */
    struct event *scan;
    struct event *soon;
    bool is_under_way; /* a read */
    bool is_due;       /* another one, when that has ended */
    bool listens;
};

static db_callback on_read, on_listening;

/* --- reading --- */

static void
read_outbox(struct reader *reader)
{
    reader->is_due = reader->is_under_way;
    if (!reader->is_under_way) {
        reader->is_under_way = true;
        db_call(reader->db, QUERY_EVENTS_READ, &DB_TEXT(reader->position), false, on_read, reader);
    }
}

static void
take_news(struct reader *reader, const struct db_result *result)
{
    struct news *news = news_of_result(result, reader->position ? reader->position : "");
    free(reader->position);
    reader->position = memory_duplicate(news->after);
    hub_tell_news(reader->hub, news);
    news_free(news);
}

static void
on_read(const struct db_result *result, void *argument)
{
    struct reader *reader = argument;
    reader->is_under_way = false;
    if (db_status(result) == DB_OK && db_rows(result) > 0) {
        take_news(reader, result);
    }
    if (reader->is_due && db_status(result) == DB_OK) {
        read_outbox(reader);
    }
}

static void
on_soon(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    read_outbox(argument);
}

/* --- being notified --- */

/* Without streams, nobody needs the news at once; the next scan keeps the position from falling behind. */
static void
on_notification(const char *channel, void *argument)
{
    struct reader *reader = argument;
    if (hub_count(reader->hub) == 0) {
        return;
    }
    if (strcmp(channel, "testkase_sessions") == 0) {
        hub_tell_session_end(reader->hub);
    } else if (!evtimer_pending(reader->soon, NULL)) {
        evtimer_add(reader->soon, &(struct timeval){ .tv_usec = GATHER_MS * 1000 });
    }
}

static void
listen_again(struct reader *reader)
{
    db_call(reader->db, QUERY_EVENTS_LISTEN, NULL, false, on_listening, reader);
}

/* What came before it listened is missing. */
static void
on_listening(const struct db_result *result, void *argument)
{
    struct reader *reader = argument;
    reader->listens = db_status(result) == DB_OK;
    if (reader->listens) {
        hub_tell_session_end(reader->hub);
        read_outbox(reader);
    }
}

void
reader_connected(struct reader *reader)
{
    reader->listens = false;
    listen_again(reader);
}

static void
on_scan(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct reader *reader = argument;
    if (!db_usable(reader->db)) {
        return;
    }
    if (!reader->listens) {
        listen_again(reader);
    }
    read_outbox(reader);
}

/* --- life --- */

struct reader *
reader_new(struct event_base *base, struct db *db, struct hub *hub)
{
    struct reader *reader = memory_new(1, sizeof(*reader));
    reader->db = db;
    reader->hub = hub;
    reader->scan = event_new(base, -1, EV_PERSIST, on_scan, reader);
    reader->soon = evtimer_new(base, on_soon, reader);
    event_add(reader->scan, &(struct timeval){ .tv_sec = SCAN_S });
    db_on_notification(db, on_notification, reader);
    return reader;
}

void
reader_free(struct reader *reader)
{
    if (!reader) {
        return;
    }
    event_free(reader->scan);
    event_free(reader->soon);
    free(reader->position);
    free(reader);
}
