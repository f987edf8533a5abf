#include "common/log.h"
#include "common/memory.h"
#include "common/secret.h"
#include "server/http/connection_private.h"
#include "server/http/status.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUSY_ID_FIELD "X-Request-Id: "
#define BUSY_ID       "00000000000000000000"

/* Text up to a bound, which is enough for the longest status line and fields of ours. */
struct text {
    char bytes[256];
    size_t length;
};

static void
add(struct text *text, const char *bytes, size_t length)
{
    assert(length <= sizeof(text->bytes) - text->length);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

static void
add_text(struct text *text, const char *bytes)
{
    add(text, bytes, strlen(bytes));
}

static void
add_number(struct text *text, size_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    add(text, digits + at, sizeof(digits) - at);
}

static bool
status_has_body(int status)
{
    return status != 204 && status != 304;
}

/* RFC 9110 §8.6: not with 204; with 304 it is the length of the 200 answer that is not sent. */
static void
add_length(struct text *text, const struct connection_reply *reply)
{
    if (reply->on_stream_end) {
        return;
    }
    if (status_has_body(reply->status) || (reply->status == 304 && reply->body_length)) {
        add_text(text, "Content-Length: ");
        add_number(text, reply->body_length);
        add_text(text, "\r\n");
    }
}

static void
add_connection(struct text *text, const struct connection *connection)
{
    if (!connection->exchange.keep) {
        add_text(text, "Connection: close\r\n");
    } else if (connection->input->head.minor_version == 0) {
        add_text(text, "Connection: keep-alive\r\n");
    }
}

static struct iovec
part(const void *bytes, size_t length)
{
    return (struct iovec){ (void *)(uintptr_t)bytes, length };
}

static void
send_reply(struct connection *connection, const struct connection_reply *reply)
{
    struct text head = { .length = 0 };
    add_text(&head, http_status_line(reply->status));
    add(&head, http_date_line(&connection->pool->date), HTTP_DATE_LENGTH);
    add_length(&head, reply);
    add_connection(&head, connection);
    bool has_body = status_has_body(reply->status) && !connection->exchange.head_only;
    bool has_type = reply->content_type && reply->status != 204;
    const struct iovec parts[] = {
        part(head.bytes, head.length),
        part(reply->fields, reply->fields ? reply->fields_length : 0),
        part("Content-Type: ", has_type ? 14 : 0),
        part(reply->content_type, has_type ? strlen(reply->content_type) : 0),
        has_type ? part("\r\n\r\n", 4) : part("\r\n", 2),
        part(reply->body, has_body ? reply->body_length : 0),
    };
    connection_io_send(connection, parts, sizeof(parts) / sizeof(parts[0]), reply->body_is_constant);
}

/* Whether the rest of the request's body can be skipped, so that the next request begins where it ends. A
 * client that waits for 100 Continue may or may not send the body, so the next byte is ambiguous. */
static bool
can_skip_body(const struct connection *connection)
{
    const struct http_body *body = &connection->body;
    const struct connection_input *input = connection->input;
    if (connection->exchange.continue_due && body->state != HTTP_BODY_WHOLE && input->used == input->filled) {
        return false;
    }
    return http_body_may_drop(body, CONNECTION_SKIP_MAX);
}

void
connection_reply(struct connection *connection, const struct connection_reply *reply)
{
    struct connection_pool *pool = connection->pool;
    assert(connection->state == CONNECTION_HANDLING || connection->state == CONNECTION_BODY);
    bool has_stream = reply->on_stream_end, is_stream = has_stream && !connection->exchange.head_only;
    connection->exchange.keep = !reply->close && !connection->exchange.refused &&
                                connection->exchange.client_stays && !pool->draining && !has_stream &&
                                can_skip_body(connection);
    connection->stream = (struct connection_stream){ reply->on_stream_end, reply->stream, false, false };
    if (is_stream) {
        connection_io_begin_stream(connection);
    }
    send_reply(connection, reply);
    /* Only now, because the reply may point into the body. */
    http_body_drop(&connection->body, CONNECTION_SKIP_MAX);
    connection->state = is_stream ? CONNECTION_STREAMING : CONNECTION_SENDING;
    pool->busy--;
    if (pool->advancing != connection) {
        connection_pool_defer(connection);
    }
}

/* --- without a connection --- */

static char *
write_problem(enum problem_code code, const char *detail)
{
    struct problem problem;
    struct json_writer *writer = json_writer_new();
    size_t length;
    problem_set(&problem, code, detail);
    problem_write(&problem, writer);
    const char *bytes = json_writer_bytes(writer, &length);
    char *text = memory_copy_text(bytes, length);
    json_writer_free(writer);
    return text;
}

char *
connection_reply_write_busy(void)
{
    char *answer = NULL;
    char *problem =
        write_problem(PROBLEM_UNAVAILABLE, "Too many connections are open; try again in a moment.");
    if (asprintf(&answer,
                 "%sContent-Type: application/problem+json\r\n"
                 "Content-Length: %zu\r\n"
                 "Cache-Control: no-store\r\n"
                 "X-Content-Type-Options: nosniff\r\n" BUSY_ID_FIELD BUSY_ID "\r\n"
                 "Retry-After: 1\r\n"
                 "Connection: close\r\n"
                 "\r\n%s",
                 http_status_line(problem_status(PROBLEM_UNAVAILABLE)), strlen(problem), problem) < 0) {
        log_out_of_memory();
    }
    free(problem);
    return answer;
}

/* Each client gets an id of its own, in the place that the answer has for it. */
static void
renew_busy_id(char *answer)
{
    char id[sizeof(BUSY_ID)];
    secret_random_base62(id, strlen(BUSY_ID));
    memcpy(strstr(answer, BUSY_ID_FIELD) + strlen(BUSY_ID_FIELD), id, strlen(BUSY_ID));
}

/* Receives what the client has sent already: closing a socket with unread bytes resets the connection, and
 * the client might lose the answer. */
void
connection_turn_away(const struct connection_pool *pool, evutil_socket_t fd)
{
    char bytes[4096];
    renew_busy_id(pool->busy_answer);
    if (send(fd, pool->busy_answer, strlen(pool->busy_answer), MSG_NOSIGNAL | MSG_DONTWAIT) > 0 &&
        shutdown(fd, SHUT_WR) == 0) {
        (void)recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    }
    close(fd);
}
