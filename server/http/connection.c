#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "server/http/connection_private.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS_MAX 64 /* about 16 pipelined requests a turn, so that one client cannot starve the others */

/* What to do after a step. */
enum turn { AGAIN, WAIT, CLOSE };

/* --- the owner's callbacks: a request begins, goes on, ends --- */

static struct connection_input *
begin_request(struct connection *connection, size_t head_length)
{
    struct connection_input *input = connection->input;
    connection->state = CONNECTION_HANDLING;
    connection->exchange = (struct connection_exchange){ .has_request = true, .client_stays = true };
    connection->pool->busy++;
    input->used = input->head_length = head_length;
    return input;
}

/* Ignores all further input. Even so, the method may be known, and an answer to HEAD has no body. */
static enum turn
refuse(struct connection *connection, enum problem_code code, const char *detail)
{
    struct connection_events *events = &connection->pool->events;
    struct connection_input *input = begin_request(connection, connection->input->filled);
    connection->exchange.refused = true;
    connection->exchange.head_only = input->filled >= 5 && memcmp(input->bytes, "HEAD ", 5) == 0;
    connection->body = (struct http_body){ .state = HTTP_BODY_BROKEN };
    connection->exchange.request = events->on_refused(connection, code, detail, events->argument);
    return AGAIN;
}

static enum turn
handle(struct connection *connection, size_t head_length)
{
    struct connection_events *events = &connection->pool->events;
    struct connection_input *input = begin_request(connection, head_length);
    http_body_begin(&connection->body, &input->head);
    connection->exchange.head_only = input->head.method == HTTP_HEAD;
    connection->exchange.client_stays = input->head.keep_alive;
    connection->exchange.continue_due = input->head.expects_continue && connection_has_body(connection);
    connection->exchange.request = events->on_head(connection, &input->head, events->argument);
    return AGAIN;
}

static enum turn
tell_body(struct connection *connection, enum problem_code code, const char *detail)
{
    connection->state = CONNECTION_HANDLING;
    connection->pool->events.on_body(connection->exchange.request, code, detail);
    return AGAIN;
}

static void
finish_request(struct connection *connection, bool sent)
{
    void *request = connection->exchange.request;
    connection->exchange.request = NULL;
    connection->exchange.has_request = false;
    connection->is_fresh = false;
    connection->blank_skipped = false;
    connection->timed_state = -1;
    connection_io_consume(connection);
    if (connection->pool->events.on_finished) {
        connection->pool->events.on_finished(request, sent);
    }
}

/* --- steps: one for each state --- */

static enum turn
step_idle(struct connection *connection)
{
    const struct connection_input *input = connection->input;
    if (input && input->filled) {
        connection->state = CONNECTION_HEAD;
        return AGAIN;
    }
    connection_io_consume(connection);
    bool stays = !connection->pool->draining || connection_io_has_arrived(connection);
    return connection->socket.ended || !stays ? CLOSE : WAIT;
}

/* RFC 9112 §2.2 lets a client send one empty line too many. */
static bool
skip_blank(struct connection *connection)
{
    struct connection_input *input = connection->input;
    if (connection->blank_skipped || input->filled < 2 || memcmp(input->bytes, "\r\n", 2) != 0) {
        return false;
    }
    connection->blank_skipped = true;
    connection->state = CONNECTION_IDLE;
    input->used = 2;
    connection_io_consume(connection);
    return true;
}

static bool
may_become_blank(const struct connection *connection)
{
    const struct connection_input *input = connection->input;
    return !connection->blank_skipped && input->filled == 1 && input->bytes[0] == '\r';
}

static enum turn
refuse_long_head(struct connection *connection)
{
    const struct connection_input *input = connection->input;
    if (memchr(input->bytes, '\n', HTTP_HEAD_MAX)) {
        return refuse(connection, PROBLEM_HEADERS_TOO_LARGE, "Send less than 16 KiB of header fields.");
    }
    return refuse(connection, PROBLEM_URI_TOO_LONG, "The request target is longer than 8 KiB.");
}

static enum turn
wait_for_head(struct connection *connection)
{
    if (connection->input->filled >= HTTP_HEAD_MAX) {
        return refuse_long_head(connection);
    }
    if (connection->socket.ended) {
        return CLOSE;
    }
    connection_io_grow(connection, connection->input->filled + 1);
    return WAIT;
}

static enum turn
parse_head(struct connection *connection, size_t length)
{
    enum problem_code code;
    const char *detail;
    connection_io_grow(connection, length + CONNECTION_INPUT_ROOM);
    struct connection_input *input = connection->input;
    if (http_head_parse(input->bytes, length, &input->head, &code, &detail) < 0) {
        return refuse(connection, code, detail);
    }
    return handle(connection, length);
}

static enum turn
step_head(struct connection *connection)
{
    struct connection_input *input = connection->input;
    if (skip_blank(connection)) {
        return AGAIN;
    }
    if (may_become_blank(connection)) {
        return wait_for_head(connection);
    }
    ssize_t length = http_head_scan(input->bytes, input->filled, &input->scanned);
    if (length < 0) {
        return refuse(connection, PROBLEM_BAD_REQUEST, http_head_scan_detail(input->bytes, input->filled));
    }
    if (length > HTTP_HEAD_MAX) {
        return refuse_long_head(connection);
    }
    return length ? parse_head(connection, (size_t)length) : wait_for_head(connection);
}

static enum turn
step_handling(struct connection *connection)
{
    (void)connection;
    return WAIT;
}

/* The arguments of on_body for each state of the body. */
static const struct {
    enum problem_code code;
    const char *detail;
} body_news[] = {
    [HTTP_BODY_UNFINISHED] = { PROBLEM_BAD_REQUEST, "The connection ended before the body did." },
    [HTTP_BODY_WHOLE] = { PROBLEM_NONE, NULL },
    [HTTP_BODY_BROKEN] = { PROBLEM_BAD_REQUEST,
                           "The body is not encoded in chunks as Transfer-Encoding says." },
    [HTTP_BODY_TOO_LARGE] = { PROBLEM_PAYLOAD_TOO_LARGE, "Send a smaller body." },
};

static void
feed_body(struct connection *connection)
{
    struct connection_input *input = connection->input;
    if (input) {
        input->used +=
            http_body_feed(&connection->body, input->bytes + input->used, input->filled - input->used);
    }
}

static enum turn
step_body(struct connection *connection)
{
    feed_body(connection);
    enum http_body_state state = connection->body.state;
    if (state == HTTP_BODY_UNFINISHED) {
        if (!connection->socket.ended) {
            return WAIT;
        }
        connection->body.state = HTTP_BODY_BROKEN;
    }
    return tell_body(connection, body_news[state].code, body_news[state].detail);
}

/* Does not wait for a client that asked to close and has sent nothing more. */
static enum turn
linger(struct connection *connection)
{
    bool expected =
        !connection->exchange.client_stays && !connection->input && connection->body.state == HTTP_BODY_WHOLE;
    if (connection->socket.ended || expected) {
        return CLOSE;
    }
    connection_io_shut(connection);
    http_body_end(&connection->body);
    connection->lingered = 0;
    connection->state = CONNECTION_LINGERING;
    return WAIT;
}

static enum turn
step_sending(struct connection *connection)
{
    if (connection->socket.output) {
        return WAIT;
    }
    finish_request(connection, !connection->socket.gone);
    if (connection->socket.gone) {
        return CLOSE;
    }
    if (!connection->exchange.keep) {
        return linger(connection);
    }
    connection->state = CONNECTION_SKIPPING;
    return AGAIN;
}

/* The request has ended with the answer's head. What the client sends now is dropped. */
static enum turn
step_streaming(struct connection *connection)
{
    const struct connection_stream *stream = &connection->stream;
    if (connection->exchange.has_request) {
        connection_io_drop_input(connection);
        finish_request(connection, !connection->socket.gone);
        connection->lingered = 0;
    }
    if (connection->socket.ended || stream->is_too_full || connection->lingered >= CONNECTION_SKIP_MAX) {
        return CLOSE;
    }
    return stream->is_over && !connection->socket.output ? linger(connection) : WAIT;
}

static enum turn
step_skipping(struct connection *connection)
{
    feed_body(connection);
    connection_io_consume(connection);
    if (connection->body.state == HTTP_BODY_UNFINISHED) {
        return connection->socket.ended ? CLOSE : WAIT;
    }
    if (connection->body.state != HTTP_BODY_WHOLE) {
        return linger(connection);
    }
    http_body_end(&connection->body);
    connection->state = CONNECTION_IDLE;
    return AGAIN;
}

static enum turn
step_lingering(struct connection *connection)
{
    return connection->socket.ended || connection->lingered >= CONNECTION_SKIP_MAX ? CLOSE : WAIT;
}

/* --- deadlines: one for each state --- */

static enum turn
expire_by_closing(struct connection *connection)
{
    (void)connection;
    return CLOSE;
}

static enum turn
expire_head(struct connection *connection)
{
    return refuse(connection, PROBLEM_REQUEST_TIMEOUT, "Send the whole head within 10 seconds.");
}

static enum turn
expire_handling(struct connection *connection)
{
    connection->exchange.overdue = true;
    connection->pool->events.on_deadline(connection->exchange.request);
    return AGAIN;
}

static enum turn
expire_body(struct connection *connection)
{
    connection->exchange.overdue = true;
    connection->body.state = HTTP_BODY_BROKEN;
    return tell_body(connection, PROBLEM_REQUEST_TIMEOUT, "Send the whole body within 30 seconds.");
}

/* Leaves the output in place, from which connection_io_end() learns that the client was cut off. */
static enum turn
expire_sending(struct connection *connection)
{
    finish_request(connection, false);
    return CLOSE;
}

/* For each state: its name, its step, how many seconds it may last, from which state on they count, and what
 * happens when they are over. CONNECTION_HEAD begins with the first byte of a request. */
static const struct behaviour {
    const char *name;
    enum turn (*step)(struct connection *connection);
    int64_t seconds;
    enum connection_state timed_from;
    enum turn (*expire)(struct connection *connection);
} behaviours[] = {
    [CONNECTION_IDLE] = { "idle", step_idle, 75, CONNECTION_IDLE, expire_by_closing },
    [CONNECTION_HEAD] = { "head", step_head, 10, CONNECTION_HEAD, expire_head },
    [CONNECTION_HANDLING] = { "handling", step_handling, 30, CONNECTION_HEAD, expire_handling },
    [CONNECTION_BODY] = { "body", step_body, 30, CONNECTION_HEAD, expire_body },
    [CONNECTION_SENDING] = { "sending", step_sending, 30, CONNECTION_SENDING, expire_sending },
    [CONNECTION_STREAMING] = { "streaming", step_streaming, 30, CONNECTION_STREAMING, expire_by_closing },
    [CONNECTION_SKIPPING] = { "skipping", step_skipping, 10, CONNECTION_SKIPPING, expire_by_closing },
    [CONNECTION_LINGERING] = { "lingering", step_lingering, 2, CONNECTION_LINGERING, expire_by_closing },
};

/* --- giving up on a client --- */

bool
connection_is_unfinished(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_HEAD:
    case CONNECTION_BODY:
    case CONNECTION_SENDING:
    case CONNECTION_SKIPPING:
        return true;
    case CONNECTION_STREAMING:
        return connection->socket.output != NULL;
    default:
        return false;
    }
}

static enum turn
give_up(struct connection *connection, const char *detail)
{
    switch (connection->state) {
    case CONNECTION_HEAD:
        return refuse(connection, PROBLEM_UNAVAILABLE, detail);
    case CONNECTION_BODY:
        connection->exchange.overdue = true;
        connection->body.state = HTTP_BODY_BROKEN;
        return tell_body(connection, PROBLEM_UNAVAILABLE, detail);
    case CONNECTION_SENDING:
        return expire_sending(connection);
    default:
        return CLOSE;
    }
}

static void
set_deadline(struct connection *connection)
{
    const struct behaviour *behaviour = &behaviours[connection->state];
    if (connection->timed_state != (int)behaviour->timed_from) {
        connection->timed_state = (int)behaviour->timed_from;
        connection->since_ms = clock_monotonic_ms();
    }
    connection->deadline_ms = connection->since_ms + behaviour->seconds * 1000;
}

static void
begin_run(struct connection *connection)
{
    connection_pool_unfile(connection);
    connection->pool->advancing = connection;
}

/* Goes on after the first step of the run. */
static void
go_on(struct connection *connection, enum turn turn)
{
    struct connection_pool *pool = connection->pool;
    for (int steps = 1; turn == AGAIN && steps < STEPS_MAX; steps++) {
        turn = behaviours[connection->state].step(connection);
    }
    pool->advancing = NULL;
    if (turn == CLOSE) {
        connection_free(connection);
        return;
    }
    if (turn == AGAIN) {
        connection_pool_defer(connection);
    }
    connection_io_resume(connection);
    set_deadline(connection);
    connection_pool_file(connection);
}

static void
run(struct connection *connection, enum turn (*step)(struct connection *connection))
{
    begin_run(connection);
    go_on(connection, step(connection));
}

void
connection_advance(struct connection *connection)
{
    run(connection, behaviours[connection->state].step);
}

void
connection_give_up(struct connection *connection, const char *detail)
{
    begin_run(connection);
    go_on(connection, give_up(connection, detail));
}

void
connection_expire(struct connection *connection)
{
    log_debug("connection timed out", log_text("state", behaviours[connection->state].name),
              log_number("seconds", behaviours[connection->state].seconds));
    run(connection, behaviours[connection->state].expire);
}

/* --- the connection's life --- */

bool
connection_open(struct connection_pool *pool, evutil_socket_t fd, const struct sockaddr *peer,
                socklen_t length)
{
    if (pool->count >= pool->capacity && connection_pool_reap(pool, 1) == 0) {
        connection_turn_away(pool, fd);
        return false;
    }
    struct connection *connection = memory_new(1, sizeof(*connection));
    connection->pool = pool;
    connection->is_fresh = true;
    connection->timed_state = -1;
    connection->body.state = HTTP_BODY_WHOLE;
    connection->peer.any.sa_family = peer->sa_family;
    if (peer->sa_family != AF_UNIX) {
        memcpy(&connection->peer, peer,
               length < sizeof(connection->peer) ? length : sizeof(connection->peer));
    }
    pool->count++;
    connection_io_start(connection, fd);
    set_deadline(connection);
    connection_pool_file(connection);
    return true;
}

void
connection_free(struct connection *connection)
{
    struct connection_pool *pool = connection->pool;
    connection_pool_unfile(connection);
    connection_pool_forget(connection);
    if (connection->exchange.has_request) {
        bool is_answered =
            connection->state == CONNECTION_SENDING || connection->state == CONNECTION_STREAMING;
        pool->busy -= !is_answered;
        finish_request(connection, is_answered && !connection->socket.output && !connection->socket.gone);
    }
    if (connection->stream.on_end) {
        connection->stream.on_end(connection->stream.argument);
    }
    connection_io_end(connection);
    http_body_end(&connection->body);
    pool->count--;
    free(connection);
}

/* --- calls of the owner --- */

const struct sockaddr *
connection_peer(const struct connection *connection)
{
    return &connection->peer.any;
}

bool
connection_has_body(const struct connection *connection)
{
    const struct http_head *head = &connection->input->head;
    return !connection->exchange.refused && (head->chunked || head->content_length > 0);
}

static void
send_continue(struct connection *connection)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct iovec part = { (void *)(uintptr_t)interim, sizeof(interim) - 1 };
    const struct connection_input *input = connection->input;
    if (connection->exchange.continue_due && connection->body.state == HTTP_BODY_UNFINISHED &&
        input->used == input->filled) {
        connection_io_send(connection, &part, 1, false);
        connection->exchange.continue_due = false;
    }
}

void
connection_want_body(struct connection *connection, size_t limit)
{
    assert(connection->state == CONNECTION_HANDLING);
    http_body_keep(&connection->body, limit);
    connection->state = CONNECTION_BODY;
    send_continue(connection);
    if (connection->pool->advancing != connection) {
        connection_pool_defer(connection);
    }
}

const char *
connection_body(const struct connection *connection, size_t *ret_length)
{
    *ret_length = connection->body.length;
    return connection->body.bytes ? connection->body.bytes : "";
}

/* --- streams --- */

void
connection_stream_send(struct connection *connection, const char *bytes, size_t length)
{
    const struct iovec part = { (void *)(uintptr_t)bytes, length };
    struct connection_socket *socket = &connection->socket;
    size_t waits = socket->output ? socket->output_length - socket->output_sent + socket->constant.length : 0;
    bool had_output = socket->output != NULL;
    if (connection->state != CONNECTION_STREAMING || connection->stream.is_over || socket->gone) {
        return;
    }
    connection->stream.is_too_full = waits + length > CONNECTION_STREAM_MAX;
    if (!connection->stream.is_too_full) {
        connection_io_send(connection, &part, 1, false);
    }
    if (connection->stream.is_too_full || socket->gone || (!had_output && socket->output)) {
        connection->timed_state = -1;
        connection_pool_defer(connection);
    }
}

void
connection_stream_end(struct connection *connection)
{
    if (!connection->stream.is_over) {
        connection->stream.is_over = true;
        connection_pool_defer(connection);
    }
}
