#include "server/http/connection_private.h"
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct reason {
    int status;
    const char *line;
} reasons[] = {
#define REASON(status, phrase)                                                                               \
    {                                                                                                        \
        status, "HTTP/1.1 " #status " " phrase "\r\n"                                                        \
    }
    REASON(200, "OK"),
    REASON(201, "Created"),
    REASON(202, "Accepted"),
    REASON(204, "No Content"),
    REASON(304, "Not Modified"),
    REASON(400, "Bad Request"),
    REASON(401, "Unauthorized"),
    REASON(403, "Forbidden"),
    REASON(404, "Not Found"),
    REASON(405, "Method Not Allowed"),
    REASON(408, "Request Timeout"),
    REASON(409, "Conflict"),
    REASON(410, "Gone"),
    REASON(412, "Precondition Failed"),
    REASON(413, "Content Too Large"),
    REASON(414, "URI Too Long"),
    REASON(415, "Unsupported Media Type"),
    REASON(417, "Expectation Failed"),
    REASON(422, "Unprocessable Content"),
    REASON(429, "Too Many Requests"),
    REASON(431, "Request Header Fields Too Large"),
    REASON(500, "Internal Server Error"),
    REASON(503, "Service Unavailable"),
    REASON(505, "HTTP Version Not Supported"),
    REASON(301, "Moved Permanently"),
    REASON(302, "Found"),
    REASON(303, "See Other"),
    REASON(307, "Temporary Redirect"),
    REASON(308, "Permanent Redirect"),
#undef REASON
};

/* Text that grows to a bound that is known to suffice. */
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

/* RFC 9112 §4: a phrase may be empty, the space before it may not. */
static void
add_status(struct text *text, int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            add_text(text, reasons[i].line);
            return;
        }
    }
    add_text(text, "HTTP/1.1 ");
    add_number(text, (size_t)status);
    add_text(text, " \r\n");
}

static bool
status_has_body(int status)
{
    return status != 204 && status != 304;
}

/* RFC 9110 §8.6: none with 204; with 304 it would be that of the 200 that is not sent. */
static void
add_length(struct text *text, const struct connection_reply *reply)
{
    if (status_has_body(reply->status) || (reply->status == 304 && reply->body_length)) {
        add_text(text, "Content-Length: ");
        add_number(text, reply->body_length);
        add_text(text, "\r\n");
    }
}

static void
add_connection(struct text *text, const struct connection *connection)
{
    if (!connection->keep) {
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
    add_status(&head, reply->status);
    add(&head, connection_pool_date(connection->pool), CONNECTION_DATE_LENGTH);
    add_length(&head, reply);
    add_connection(&head, connection);
    bool has_body = status_has_body(reply->status) && !connection->head_only;
    bool has_type = reply->content_type && reply->status != 204;
    const struct iovec parts[] = {
        part(head.bytes, head.length),
        part(reply->fields, reply->fields ? reply->fields_length : 0),
        part("Content-Type: ", has_type ? 14 : 0),
        part(reply->content_type, has_type ? strlen(reply->content_type) : 0),
        has_type ? part("\r\n\r\n", 4) : part("\r\n", 2),
        part(reply->body, has_body ? reply->body_length : 0),
    };
    connection_io_send(connection, parts, sizeof(parts) / sizeof(parts[0]));
}

/* Whether what is left of the request's body can be read past, so that the next request begins where it ends.
 * Who waits for 100 Continue may send the body or not: the next byte could be either. */
static bool
can_skip_body(const struct connection *connection)
{
    const struct http_body *body = &connection->body;
    const struct connection_input *input = connection->input;
    if (connection->continue_due && body->state != HTTP_BODY_WHOLE && input->used == input->filled) {
        return false;
    }
    return http_body_may_drop(body, CONNECTION_SKIP_MAX);
}

void
connection_reply(struct connection *connection, const struct connection_reply *reply)
{
    struct connection_pool *pool = connection->pool;
    assert(connection->state == CONNECTION_HANDLING || connection->state == CONNECTION_BODY);
    connection->keep = !reply->close && !connection->refused && connection->client_stays && !pool->draining &&
                       can_skip_body(connection);
    send_reply(connection, reply);
    /* Only now: the reply may lie in memory of the body. */
    http_body_drop(&connection->body, CONNECTION_SKIP_MAX);
    connection->state = CONNECTION_SENDING;
    pool->busy--;
    if (pool->advancing != connection) {
        connection_pool_defer(connection);
    }
}

#define TURNED_AWAY                                                                                          \
    "{\"type\":\"about:blank\",\"title\":\"Service unavailable\",\"status\":503,"                            \
    "\"detail\":\"Too many connections are open. Try again in a moment.\",\"code\":\"unavailable\"}"

/* A constant, because it is sent when memory or descriptors are short. Reading what is there makes it less
 * likely that closing resets the connection before the client has seen the answer. */
void
connection_turn_away(evutil_socket_t fd)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                 "Content-Type: application/problem+json\r\n"
                                 "Content-Length: 151\r\n"
                                 "Cache-Control: no-store\r\n"
                                 "Retry-After: 1\r\n"
                                 "Connection: close\r\n"
                                 "\r\n" TURNED_AWAY;
    _Static_assert(sizeof(TURNED_AWAY) - 1 == 151, "Content-Length above");
    char bytes[4096];
    /* What was sent before is taken, or the close would reset the connection and take the answer along. */
    if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 && shutdown(fd, SHUT_WR) == 0) {
        (void)recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    }
    close(fd);
}
