#include "server/request/bodies.h"
#include "server/auth/body_room.h"

/* The length that the head announces; of chunks, the most that the route takes. */
static size_t
announced(const struct request *request)
{
    size_t most = request->route->body_max;
    int64_t length = request->head->content_length;
    return !request->head->chunked && length >= 0 && (uint64_t)length < most ? (size_t)length : most;
}

static enum step_result
dismiss(struct request *request, enum body_outcome why)
{
    request->answer.closes = true;
    if (why == BODY_ROOM_LOOP_FULL) {
        return answer_refuse(&request->answer, PROBLEM_UNAVAILABLE,
                             "Too many bodies are arriving; send the request again, body and all.");
    }
    answer_add_headers(&request->answer, "Retry-After: %\r\n", &(const int64_t){ 1 });
    return answer_refuse(
        &request->answer, PROBLEM_RATE_LIMITED,
        "Too many of this client's bodies are arriving; finish them before you begin others.");
}

static struct request *
request_of(struct body_hold *hold)
{
    return (struct request *)(void *)((char *)hold - offsetof(struct request, body_hold));
}

enum step_result
bodies_wait(struct request *request)
{
    struct body_room *room = request->loop->bodies;
    const struct caller *caller = request->auth.caller;
    struct body_hold *victim;
    enum body_outcome outcome;
    body_room_take(room, &request->body_hold, caller ? caller->user_id : 0, &request->address,
                   announced(request));
    while ((outcome = body_room_check(room, &victim)) != BODY_ROOM_FITS) {
        body_room_give(room, victim);
        struct request *dismissed = request_of(victim);
        enum step_result result = dismiss(dismissed, outcome);
        if (dismissed == request) {
            return result;
        }
        request_complete_with_answer(dismissed);
    }
    connection_want_body(request->connection, request->route->body_max);
    return request_wait(request);
}

void
bodies_arrived(struct request *request)
{
    size_t length;
    connection_body(request->connection, &length);
    body_room_arrived(request->loop->bodies, &request->body_hold, length);
}

void
bodies_release(struct request *request)
{
    body_room_give(request->loop->bodies, &request->body_hold);
}
