#include "server/streams/streams.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/memory.h"
#include "common/text.h"
#include "server/database/handlers.h"
#include "server/http/connection.h"
#include "server/metrics.h"
#include "server/streams/encoding.h"
#include "server/streams/news.h"
#include "server/streams/position.h"
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uthash.h>

/* The analyzer loses track of entries in the macros of uthash. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */

#define TICK_S          1
#define HEARTBEATS_MOST 1000 /* in one second, so that the loop is not busy for long */
#define CHECK_GAP_MS    200  /* sessions that end together share a check */

TAILQ_HEAD(stream_list, stream);

struct reader_person {
    int64_t id, organization;
    TAILQ_HEAD(person_streams, stream) streams;
    uint64_t told; /* the number of the news that it was told last */
    UT_hash_handle hh;
};

struct stream {
    TAILQ_ENTRY(stream) in_list;   /* of all that have begun, by the time of the last sending */
    TAILQ_ENTRY(stream) in_person; /* of all */
    struct streams *streams;
    struct reader_person *person;
    struct connection *connection; /* NULL until it begins */
    int64_t session;
    int64_t sent_ms;
    bool has_news;         /* until it begins */
    char *snapshot;        /* of its beginning; NULL when the reader has passed it */
    uint64_t session_ends; /* that the loop was told of before it was admitted */
};

struct streams {
    struct streams_options options;
    struct hub_member *member;
    struct reader_person *persons;
    struct stream_list begun;
    size_t count, begun_count;
    struct event *tick;
    struct event *checking;
    bool check_under_way, check_due; /* due: another one, when that has ended */
    int64_t check_began_ms;
    int64_t proven_ms;  /* when the last check began that succeeded */
    int64_t soonest_ms; /* when the next session ends by its time; INT64_MAX: none does */
    char *snapshot;     /* the position that all streams have reached */
    int64_t sequence;
    uint64_t told;         /* news so far */
    uint64_t session_ends; /* told so far */
    bool is_closed;
};

static db_callback on_checked;

/* --- sending --- */

static void
send_bytes(struct stream *stream, const struct encoding *encoding)
{
    struct streams *streams = stream->streams;
    connection_stream_send(stream->connection, encoding->bytes, encoding->length);
    stream->sent_ms = clock_monotonic_ms();
    TAILQ_REMOVE(&streams->begun, stream, in_list);
    TAILQ_INSERT_TAIL(&streams->begun, stream, in_list);
}

/* --- news --- */

static bool
has_had(const struct stream *stream, const struct news_item *item)
{
    return stream->snapshot && position_sees(stream->snapshot, item->transaction);
}

/* Only the last event of the news leads to their position: a client that lost the others begins before them.
 */
static size_t
encode_items(const struct news *news, const struct stream *stream, struct encoding *encoding)
{
    char position[POSITION_SIZE];
    size_t last = news->count, told = 0;
    while (last > 0 && news->items[last - 1].reader != stream->person->id) {
        last--;
    }
    for (size_t i = 0; i < last; i++) {
        const struct news_item *item = &news->items[i];
        if (item->reader == stream->person->id && !has_had(stream, item)) {
            position_write(item->sequence, i + 1 == last ? news->after : news->before, position);
            encoding_add_event(encoding, position, item->topic, item->data);
            told++;
        }
    }
    return told;
}

static void
reset_stream(const struct news *news, struct stream *stream)
{
    struct encoding encoding = { 0 };
    char position[POSITION_SIZE];
    if (!stream->connection) {
        stream->has_news = true;
        return;
    }
    position_write(stream->streams->sequence, news->after, position);
    encoding_add_reset(&encoding, position);
    send_bytes(stream, &encoding);
    encoding_clear(&encoding);
}

/* More than a client can be expected to take at once is a reset. */
static void
tell_stream(const struct news *news, struct stream *stream)
{
    struct encoding encoding = { 0 };
    if (!stream->connection) {
        stream->has_news = true;
        return;
    }
    size_t told = encode_items(news, stream, &encoding);
    if (encoding.length > CONNECTION_STREAM_MAX / 2) {
        reset_stream(news, stream);
    } else if (told) {
        send_bytes(stream, &encoding);
        counter_add(&stream->streams->options.metrics->stream_events, told);
    }
    encoding_clear(&encoding);
}

static void
tell_person(struct streams *streams, const struct news *news, int64_t id)
{
    struct reader_person *person;
    HASH_FIND(hh, streams->persons, &id, sizeof(id), person);
    if (!person || person->told == streams->told) {
        return;
    }
    person->told = streams->told;
    for (struct stream *stream = TAILQ_FIRST(&person->streams); stream;
         stream = TAILQ_NEXT(stream, in_person)) {
        tell_stream(news, stream);
    }
}

static void
reset_person(struct reader_person *person, const struct news *news)
{
    for (struct stream *stream = TAILQ_FIRST(&person->streams); stream;
         stream = TAILQ_NEXT(stream, in_person)) {
        reset_stream(news, stream);
    }
}

/* Those whose news may be missing, and no others: a page that loads anew makes many requests. */
static void
reset_some(struct streams *streams, const struct news *news)
{
    for (struct reader_person *person = streams->persons; person; person = person->hh.next) {
        if (news_resets(news, person->organization)) {
            reset_person(person, news);
        }
    }
}

static void
on_news(const struct news *news, void *argument)
{
    struct streams *streams = argument;
    streams->told++;
    free(streams->snapshot);
    streams->snapshot = memory_duplicate(news->after);
    for (size_t i = 0; i < news->count; i++) {
        int64_t sequence = news->items[i].sequence;
        streams->sequence = sequence > streams->sequence ? sequence : streams->sequence;
        tell_person(streams, news, news->items[i].reader);
    }
    if (news->is_reset || news->cut_count) {
        reset_some(streams, news);
    }
}

/* --- heartbeats --- */

/* By now the reader has passed the beginning of the stream, or all streams have ended. */
static void
send_heartbeats(struct streams *streams, int64_t now_ms)
{
    struct encoding encoding = { 0 };
    char position[POSITION_SIZE];
    struct stream *stream;
    if (!streams->snapshot) {
        return;
    }
    position_write(streams->sequence, streams->snapshot, position);
    encoding_add_heartbeat(&encoding, position);
    for (int left = HEARTBEATS_MOST; left > 0 && (stream = TAILQ_FIRST(&streams->begun)); left--) {
        if (now_ms - stream->sent_ms < STREAMS_HEARTBEAT_MS) {
            break;
        }
        free(stream->snapshot);
        stream->snapshot = NULL;
        send_bytes(stream, &encoding);
    }
    encoding_clear(&encoding);
}

/* --- sessions --- */

static void
end_all(struct streams *streams)
{
    for (struct stream *stream = TAILQ_FIRST(&streams->begun); stream; stream = TAILQ_NEXT(stream, in_list)) {
        connection_stream_end(stream->connection);
    }
}

/* The ids as PostgreSQL's text of an array; the caller frees it. */
static char *
write_sessions(const struct streams *streams)
{
    char *text = memory_new(streams->begun_count + 1, TEXT_NUMBER_SIZE + 1);
    size_t length = 0;
    text[length++] = '{';
    for (struct stream *stream = TAILQ_FIRST(&streams->begun); stream; stream = TAILQ_NEXT(stream, in_list)) {
        length += text_number(stream->session, text + length);
        text[length++] = ',';
    }
    length -= length > 1;
    text[length++] = '}';
    text[length] = '\0';
    return text;
}

static void
check_sessions(struct streams *streams)
{
    streams->check_due = streams->check_under_way;
    if (streams->check_under_way || TAILQ_EMPTY(&streams->begun)) {
        return;
    }
    char *sessions = write_sessions(streams);
    streams->check_under_way = true;
    streams->check_began_ms = clock_monotonic_ms();
    db_call(handlers_choose(streams->options.handlers, QUERY_EVENTS_CHECK_SESSIONS),
            QUERY_EVENTS_CHECK_SESSIONS, &DB_TEXT(sessions), true, on_checked, streams);
    free(sessions);
}

static void
on_checking(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    check_sessions(argument);
}

static void
check_soon(struct streams *streams)
{
    int64_t wait_ms = streams->check_began_ms + CHECK_GAP_MS - clock_monotonic_ms();
    if (!evtimer_pending(streams->checking, NULL)) {
        evtimer_add(streams->checking, &(struct timeval){ .tv_usec = wait_ms > 0 ? wait_ms * 1000 : 0 });
    }
}

/* The rows after the first have the ids in their order. */
static bool
has_ended(const struct db_result *result, int64_t session)
{
    int low = 1, high = db_rows(result);
    while (low < high) {
        int middle = low + (high - low) / 2;
        int64_t id = db_int64(result, middle, 0);
        if (id == session) {
            return true;
        }
        low = id < session ? middle + 1 : low;
        high = id < session ? high : middle;
    }
    return false;
}

static void
take_check(struct streams *streams, const struct db_result *result)
{
    streams->proven_ms = streams->check_began_ms;
    streams->soonest_ms =
        db_is_null(result, 0, 1) ? INT64_MAX : streams->check_began_ms + db_int64(result, 0, 1);
    if (db_rows(result) == 1) {
        return;
    }
    for (struct stream *stream = TAILQ_FIRST(&streams->begun); stream; stream = TAILQ_NEXT(stream, in_list)) {
        if (has_ended(result, stream->session)) {
            connection_stream_end(stream->connection);
        }
    }
}

static void
on_checked(const struct db_result *result, void *argument)
{
    struct streams *streams = argument;
    streams->check_under_way = false;
    if (db_status(result) == DB_OK && db_rows(result) > 0) {
        take_check(streams, result);
    }
    if (streams->check_due && !streams->is_closed) {
        check_soon(streams);
    }
}

static void
on_session_end(void *argument)
{
    struct streams *streams = argument;
    streams->session_ends++;
    check_soon(streams);
}

/* Fails closed: when PostgreSQL cannot say whether the sessions are valid, they are not. */
static void
on_tick(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct streams *streams = argument;
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - streams->proven_ms >= STREAMS_TRUST_MS) {
        end_all(streams);
        return;
    }
    send_heartbeats(streams, now_ms);
    if (now_ms - streams->check_began_ms >= STREAMS_CHECK_MS || now_ms >= streams->soonest_ms) {
        check_sessions(streams);
    }
}

/* --- one stream --- */

static struct reader_person *
person_of(struct streams *streams, int64_t id, int64_t organization)
{
    struct reader_person *person;
    HASH_FIND(hh, streams->persons, &id, sizeof(id), person);
    if (!person) {
        person = memory_new(1, sizeof(*person));
        person->id = id;
        person->organization = organization;
        TAILQ_INIT(&person->streams);
        HASH_ADD(hh, streams->persons, id, sizeof(person->id), person);
    }
    return person;
}

struct stream *
streams_admit(struct streams *streams, const struct streams_caller *caller, enum hub_answer *ret_why)
{
    *ret_why =
        streams->count < streams->options.most ? hub_admit(streams->options.hub, caller->person) : HUB_FULL;
    if (*ret_why != HUB_ADMITTED) {
        return NULL;
    }
    struct stream *stream = memory_new(1, sizeof(*stream));
    stream->streams = streams;
    stream->person = person_of(streams, caller->person, caller->organization);
    stream->session = caller->session;
    stream->session_ends = streams->session_ends;
    TAILQ_INSERT_TAIL(&stream->person->streams, stream, in_person);
    streams->count++;
    return stream;
}

static void
leave_begun(struct stream *stream)
{
    struct streams *streams = stream->streams;
    TAILQ_REMOVE(&streams->begun, stream, in_list);
    counter_set(&streams->options.metrics->streams, --streams->begun_count);
    if (streams->begun_count == 0) {
        event_del(streams->tick);
    }
}

void
streams_forget(void *of_stream)
{
    struct stream *stream = of_stream;
    struct streams *streams = stream->streams;
    struct reader_person *person = stream->person;
    if (stream->connection) {
        leave_begun(stream);
    }
    hub_release(streams->options.hub, person->id);
    TAILQ_REMOVE(&person->streams, stream, in_person);
    if (TAILQ_EMPTY(&person->streams)) {
        HASH_DEL(streams->persons, person);
        free(person);
    }
    streams->count--;
    free(stream->snapshot);
    free(stream);
}

bool
streams_has_news(struct stream *stream)
{
    bool has_news = stream->has_news;
    stream->has_news = false;
    return has_news;
}

static void
begin_ticking(struct streams *streams, int64_t now_ms)
{
    streams->proven_ms = streams->check_began_ms = now_ms;
    streams->soonest_ms = INT64_MAX;
    event_add(streams->tick, &(struct timeval){ .tv_sec = TICK_S });
}

void
streams_begin(struct stream *stream, struct connection *connection, int64_t left_ms, const char *snapshot)
{
    struct streams *streams = stream->streams;
    int64_t now_ms = clock_monotonic_ms();
    stream->connection = connection;
    stream->sent_ms = now_ms;
    stream->snapshot = memory_duplicate(snapshot);
    TAILQ_INSERT_TAIL(&streams->begun, stream, in_list);
    if (streams->begun_count == 0) {
        begin_ticking(streams, now_ms);
    }
    counter_set(&streams->options.metrics->streams, ++streams->begun_count);
    if (now_ms + left_ms < streams->soonest_ms) {
        streams->soonest_ms = now_ms + left_ms;
    }
    if (stream->session_ends != streams->session_ends) {
        check_soon(streams);
    }
}

int64_t
streams_sequence(const struct stream *stream)
{
    return stream->streams->sequence;
}

/* --- life --- */

struct streams *
streams_new(const struct streams_options *options)
{
    struct streams *streams = memory_new(1, sizeof(*streams));
    streams->options = *options;
    TAILQ_INIT(&streams->begun);
    streams->tick = event_new(options->base, -1, EV_PERSIST, on_tick, streams);
    streams->checking = evtimer_new(options->base, on_checking, streams);
    const struct hub_events events = { on_news, on_session_end, streams };
    streams->member = hub_join(options->hub, options->base, &events);
    return streams;
}

void
streams_free(struct streams *streams)
{
    if (!streams) {
        return;
    }
    hub_leave(streams->member);
    event_free(streams->tick);
    event_free(streams->checking);
    free(streams->snapshot);
    free(streams);
}

void
streams_close(struct streams *streams)
{
    streams->is_closed = true;
    end_all(streams);
}

bool
streams_are_closed(const struct streams *streams)
{
    return streams->is_closed;
}

/* NOLINTEND(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */
