#include "server/resources/events.h"
#include "common/memory.h"
#include "server/http/query.h"
#include "server/request/await.h"
#include "server/request/request.h"
#include "server/streams/encoding.h"
#include "server/streams/position.h"
#include "server/streams/streams.h"
#include <stdlib.h>
#include <string.h>

#define RETRY_MS   2000
#define MISSED_MAX 100 /* of events/open, which reads one more */

/* The columns of events/open. */
enum { SNAPSHOT, IS_RESET, LEFT_MS, SEQUENCE, TOPIC, DATA };

/* What the client has, and the stream, which is the connection's when it has begun. */
struct opening {
    struct stream *stream;              /* NULL when it has begun */
    bool is_reset;                      /* the client has lost track */
    char since[POSITION_SNAPSHOT_SIZE]; /* "" : only new events are wanted */
};

static void
free_opening(void *data)
{
    struct opening *opening = data;
    if (opening->stream) {
        streams_forget(opening->stream);
    }
    free(opening);
}

/* --- what the client has --- */

/* EventSource sends the field when it connects again, and cannot send it at first; then a page has the
 * parameter. */
static int
find_position(const struct request *request, char ret_position[POSITION_SIZE])
{
    struct http_slice field = http_head_field(request->head, "last-event-id");
    if (!field.bytes) {
        return http_query_parameter(request->head->query, "lastEventId", ret_position, POSITION_SIZE);
    }
    if (field.length >= POSITION_SIZE) {
        return -1;
    }
    memcpy(ret_position, field.bytes, field.length);
    ret_position[field.length] = '\0';
    return field.length > 0;
}

static void
read_position(const struct request *request, struct opening *opening)
{
    char position[POSITION_SIZE];
    int found = find_position(request, position);
    opening->is_reset = found < 0 || (found > 0 && !position_read(position, opening->since));
}

/* --- the first block --- */

static void
add_missed(struct encoding *encoding, const struct opening *opening, const struct db_result *result)
{
    char position[POSITION_SIZE];
    int rows = db_rows(result);
    for (int row = 0; row < rows; row++) {
        bool is_last = row + 1 == rows;
        position_write(db_int64(result, row, SEQUENCE),
                       is_last ? db_text(result, 0, SNAPSHOT) : opening->since, position);
        encoding_add_event(encoding, position, db_text(result, row, TOPIC), db_text(result, row, DATA));
    }
}

static void
write_beginning(struct encoding *encoding, const struct opening *opening, const struct db_result *result)
{
    char position[POSITION_SIZE];
    bool is_reset = opening->is_reset || db_bool(result, 0, IS_RESET) || db_rows(result) > MISSED_MAX;
    position_write(streams_sequence(opening->stream), db_text(result, 0, SNAPSHOT), position);
    encoding_add_retry(encoding, RETRY_MS);
    if (is_reset) {
        encoding_add_reset(encoding, position);
    } else if (!db_is_null(result, 0, DATA)) {
        add_missed(encoding, opening, result);
    } else {
        encoding_add_heartbeat(encoding, position);
    }
}

/* --- opening --- */

static request_function opened;

static enum step_result
open_stream(struct request *request)
{
    const struct opening *opening = request->handler_data;
    const struct caller *caller = request->auth.caller;
    const struct db_value values[] = { DB_INT64(caller->session_id), DB_INT64(caller->user_id),
                                       DB_TEXT(opening->since[0] ? opening->since : NULL) };
    request_then(request, opened);
    return await_query(request, QUERY_EVENTS_OPEN, values);
}

/* News came in the meantime, which the result may lack. Without a position, they begin with that result. */
static enum step_result
open_again(struct request *request)
{
    struct opening *opening = request->handler_data;
    char position[POSITION_SIZE];
    if (!opening->since[0]) {
        position_write(0, db_text(request->outcome.result, 0, SNAPSHOT), position);
        position_read(position, opening->since);
    }
    return open_stream(request);
}

static enum step_result
begin_stream(struct request *request)
{
    struct opening *opening = request->handler_data;
    const struct db_result *result = request->outcome.result;
    struct stream *stream = opening->stream;
    struct encoding encoding = { 0 };
    write_beginning(&encoding, opening, result);
    answer_add_header(&request->answer, "X-Accel-Buffering", "no");
    opening->stream = NULL;
    streams_begin(stream, request->connection, db_int64(result, 0, LEFT_MS), db_text(result, 0, SNAPSHOT));
    return answer_stream(&request->answer, "text/event-stream", encoding.bytes, encoding.length,
                         streams_forget, stream);
}

static enum step_result
refuse_closing(struct request *request)
{
    request->answer.closes = true;
    return answer_refuse(&request->answer, PROBLEM_UNAVAILABLE, "The service is stopping; try again.");
}

static enum step_result
opened(struct request *request)
{
    const struct opening *opening = request->handler_data;
    if (await_failed(request, NULL)) {
        return STEP_DONE;
    }
    if (db_rows(request->outcome.result) == 0) {
        return answer_challenge(&request->answer, PROBLEM_AUTHENTICATION_REQUIRED,
                                "The session is over; sign in again.");
    }
    if (streams_are_closed(request->loop->streams)) {
        return refuse_closing(request);
    }
    return streams_has_news(opening->stream) ? open_again(request) : begin_stream(request);
}

static enum step_result
refuse_one_more(struct request *request, enum hub_answer why)
{
    if (why == HUB_PERSON_FULL) {
        answer_add_header(&request->answer, "Retry-After", "60");
        return answer_refuse(&request->answer, PROBLEM_RATE_LIMITED,
                             "This account has 10 streams of events open; close one of them.");
    }
    return answer_refuse(&request->answer, PROBLEM_UNAVAILABLE,
                         "Too many streams of events are open; try again later.");
}

enum step_result
events_get(struct request *request)
{
    const struct caller *caller = request->auth.caller;
    enum hub_answer why;
    if (!caller->session_id) {
        return answer_refuse(
            &request->answer, PROBLEM_FORBIDDEN,
            "Events are for people who are signed in; with a token, read GET /api/v1/reminders and "
            "GET /api/v1/api-keys.");
    }
    if (streams_are_closed(request->loop->streams)) {
        return refuse_closing(request);
    }
    struct opening *opening = memory_new(1, sizeof(*opening));
    request->handler_data = opening;
    request->handler_free = free_opening;
    read_position(request, opening);
    const struct streams_caller who = { caller->organization_id, caller->user_id, caller->session_id };
    opening->stream = streams_admit(request->loop->streams, &who, &why);
    return opening->stream ? open_stream(request) : refuse_one_more(request, why);
}
