#include "common/log.h"
#include "common/memory.h"
#include "server/http/connection_private.h"
#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM_BUFFER     (32 * 1024)
#define STREAM_SILENCE_MS 60000 /* an unacknowledged heartbeat ends the connection after this time */

#define AT_ONCE_MAX 4096 /* a reply up to this size is copied together and sent as one piece */

/* --- receiving --- */

static void
stop_reading(struct connection *connection)
{
    event_del(connection->socket.readable);
}

/* Takes what recv() returned: 0 means that the client has ended, -1 that it has gone or sent nothing new. */
static size_t
note_received(struct connection *connection, ssize_t received)
{
    if (received > 0) {
        return (size_t)received;
    }
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    connection->socket.ended = true;
    connection->socket.gone = received < 0;
    stop_reading(connection);
    return 0;
}

bool
connection_io_has_arrived(const struct connection *connection)
{
    char byte;
    return (connection->input && connection->input->filled) ||
           recv(connection->socket.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static size_t
receive(struct connection *connection, void *bytes, size_t size)
{
    return note_received(connection, recv(connection->socket.fd, bytes, size, 0));
}

/* Receives only to keep a reset from cutting off our answer, and to learn of the end; ignores the bytes. */
static void
receive_and_drop(struct connection *connection)
{
    char bytes[4096];
    connection->lingered += receive(connection, bytes, sizeof(bytes));
}

/* When everything after the head is processed, makes its room free again. */
static void
rewind_input(struct connection_input *input)
{
    if (input->head_length && input->used == input->filled) {
        explicit_bzero(input->bytes + input->head_length, input->filled - input->head_length);
        input->used = input->filled = input->head_length;
    }
}

static bool
has_unused_input(const struct connection *connection)
{
    return connection->input && connection->input->used < connection->input->filled;
}

static void
receive_input(struct connection *connection)
{
    if (!connection->input) {
        connection->input = connection_pool_take_input(connection->pool);
    }
    struct connection_input *input = connection->input;
    rewind_input(input);
    if (input->filled == input->capacity) {
        connection->socket.paused = true;
        stop_reading(connection);
        return;
    }
    input->filled += receive(connection, input->bytes + input->filled, input->capacity - input->filled);
}

static void
on_readable(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct connection *connection = argument;
    char *room;
    size_t size;
    if (connection->state == CONNECTION_LINGERING || connection->state == CONNECTION_STREAMING) {
        receive_and_drop(connection);
    } else if (connection->state == CONNECTION_BODY && !has_unused_input(connection) &&
               (size = http_body_room(&connection->body, &room))) {
        http_body_received(&connection->body, receive(connection, room, size));
    } else {
        receive_input(connection);
    }
    connection_advance(connection);
}

void
connection_io_resume(struct connection *connection)
{
    if (!connection->socket.paused || connection->socket.ended) {
        return;
    }
    const struct connection_input *input = connection->input;
    /* There is room at the end, or receive_input() will make some by rewind_input(). */
    if (!input || input->filled < input->capacity ||
        (input->used == input->filled && input->head_length < input->filled)) {
        connection->socket.paused = false;
        event_add(connection->socket.readable, NULL);
    }
}

void
connection_io_grow(struct connection *connection, size_t size)
{
    struct connection_input *old = connection->input;
    if (old->capacity >= size) {
        return;
    }
    struct connection_input *input = memory_new(1, sizeof(*input) + CONNECTION_INPUT_MAX);
    *input = *old;
    input->capacity = CONNECTION_INPUT_MAX;
    memcpy(input->bytes, old->bytes, old->filled);
    explicit_bzero(old->bytes, old->filled);
    connection_pool_give_input(connection->pool, old);
    connection->input = input;
}

void
connection_io_consume(struct connection *connection)
{
    struct connection_input *input = connection->input;
    if (!input) {
        return;
    }
    size_t left = input->filled - input->used;
    memmove(input->bytes, input->bytes + input->used, left);
    explicit_bzero(input->bytes + left, input->filled - left);
    input->filled = left;
    input->used = input->scanned = input->head_length = 0;
    if (!left) {
        connection_pool_give_input(connection->pool, input);
        connection->input = NULL;
    }
}

/* --- sending --- */

static void on_writable(evutil_socket_t fd, short what, void *argument);

static void
drop_output(struct connection *connection)
{
    if (connection->socket.output) {
        explicit_bzero(connection->socket.output, connection->socket.output_length);
        free(connection->socket.output);
    }
    connection->socket.output = NULL;
    connection->socket.output_sent = connection->socket.output_length = 0;
    connection->socket.constant = (struct http_slice){ NULL, 0 };
}

static void
note_gone(struct connection *connection)
{
    if (!connection->socket.ended) {
        stop_reading(connection);
    }
    connection->socket.ended = connection->socket.gone = true;
    drop_output(connection);
}

static void
wait_writable(struct connection *connection)
{
    if (!connection->socket.writable) {
        connection->socket.writable =
            event_new(connection->pool->base, connection->socket.fd, EV_WRITE, on_writable, connection);
    }
    if (!connection->socket.writable || event_add(connection->socket.writable, NULL) < 0) {
        log_fatal("cannot watch a connection", errno);
    }
}

/* Returns how many bytes the socket took. */
static size_t
transmit(struct connection *connection, const struct iovec *parts, int count)
{
    struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)count };
    ssize_t sent = count == 1 ? send(connection->socket.fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL)
                              : sendmsg(connection->socket.fd, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        note_gone(connection);
    }
    return sent < 0 ? 0 : (size_t)sent;
}

static void
skip_constant(struct http_slice *constant, size_t length)
{
    if (length) {
        *constant = http_slice_between(constant->bytes + length, constant->bytes + constant->length);
    }
}

static void
on_writable(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct connection *connection = argument;
    struct http_slice *constant = &connection->socket.constant;
    const struct iovec rest[] = {
        { connection->socket.output + connection->socket.output_sent,
          connection->socket.output_length - connection->socket.output_sent },
        { (void *)(uintptr_t)constant->bytes, constant->length },
    };
    size_t sent = transmit(connection, rest, constant->length ? 2 : 1);
    if (sent) {
        size_t of_output = sent < rest[0].iov_len ? sent : rest[0].iov_len;
        connection->socket.output_sent += of_output;
        skip_constant(constant, sent - of_output);
        connection->timed_state = -1;
    }
    if (!connection->socket.gone && sent < rest[0].iov_len + rest[1].iov_len) {
        wait_writable(connection);
    } else {
        drop_output(connection);
    }
    connection_advance(connection);
}

static size_t
length_of(const struct iovec *parts, int count)
{
    size_t length = 0;
    for (int i = 0; i < count; i++) {
        length += parts[i].iov_len;
    }
    return length;
}

/* Copies the parts, without their first `skip` bytes, to `ret_bytes`. */
static void
join(const struct iovec *parts, int count, size_t skip, char *ret_bytes)
{
    for (int i = 0; i < count; i++) {
        size_t skipped = skip < parts[i].iov_len ? skip : parts[i].iov_len;
        size_t length = parts[i].iov_len - skipped;
        skip -= skipped;
        if (length) {
            memcpy(ret_bytes, (const char *)parts[i].iov_base + skipped, length);
            ret_bytes += length;
        }
    }
}

/* What was sent of the old output is let go: a stream may never be without any. */
static void
keep_output(struct connection *connection, const struct iovec *parts, int count, size_t skip)
{
    struct connection_socket *socket = &connection->socket;
    bool had_output = socket->output != NULL;
    size_t old = had_output ? socket->output_length - socket->output_sent : 0;
    size_t added = length_of(parts, count) - skip;
    char *output = memory_new(old + added + 1, 1); /* not NULL even when only a constant is left */
    if (had_output) {
        memcpy(output, socket->output + socket->output_sent, old);
        explicit_bzero(socket->output, socket->output_length);
        free(socket->output);
    }
    join(parts, count, skip, output + old);
    socket->output = output;
    socket->output_length = old + added;
    socket->output_sent = 0;
    if (!had_output) {
        wait_writable(connection);
    }
}

/* Sending one piece instead of several saves the kernel more than the copy costs us. */
static size_t
transmit_joined(struct connection *connection, const struct iovec *parts, int count, size_t length)
{
    /* Exempt from -ftrivial-auto-var-init: zeroing it would double the cost of this function. */
    __attribute__((uninitialized)) char bytes[AT_ONCE_MAX];
    join(parts, count, 0, bytes);
    size_t sent = transmit(connection, &(struct iovec){ bytes, length }, 1);
    explicit_bzero(bytes, length);
    return sent;
}

/* Keeps what the socket has not taken of the parts and, uncopied, of the constant behind them. */
static void
keep_rest(struct connection *connection, const struct iovec *parts, int count, struct http_slice constant,
          size_t sent)
{
    size_t copied = length_of(parts, count);
    skip_constant(&constant, sent > copied ? sent - copied : 0);
    keep_output(connection, parts, count, sent < copied ? sent : copied);
    connection->socket.constant = constant;
}

void
connection_io_send(struct connection *connection, const struct iovec *parts, int count, bool last_is_constant)
{
    size_t length = length_of(parts, count), sent = 0;
    if (connection->socket.gone) {
        return;
    }
    if (!connection->socket.output) {
        sent = length <= AT_ONCE_MAX ? transmit_joined(connection, parts, count, length)
                                     : transmit(connection, parts, count);
    }
    if (sent < length && !connection->socket.gone) {
        const struct iovec *last = &parts[count - 1];
        struct http_slice constant = { last_is_constant ? last->iov_base : NULL,
                                       last_is_constant ? last->iov_len : 0 };
        keep_rest(connection, parts, count - last_is_constant, constant, sent);
    }
}

/* --- begin and end --- */

void
connection_io_start(struct connection *connection, evutil_socket_t fd)
{
    connection->socket.fd = fd;
    connection->socket.readable = event_new(connection->pool->base, connection->socket.fd,
                                            EV_READ | EV_PERSIST, on_readable, connection);
    if (!connection->socket.readable || event_add(connection->socket.readable, NULL) < 0) {
        log_fatal("cannot watch a connection", errno);
    }
}

void
connection_io_drop_input(struct connection *connection)
{
    if (connection->input) {
        connection->input->used = connection->input->filled;
        connection_io_consume(connection);
    }
}

/* A unix socket has no time-out, and needs none. */
void
connection_io_begin_stream(struct connection *connection)
{
    const int buffer = STREAM_BUFFER, silence_ms = STREAM_SILENCE_MS;
    setsockopt(connection->socket.fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    setsockopt(connection->socket.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof(silence_ms));
}

void
connection_io_shut(struct connection *connection)
{
    shutdown(connection->socket.fd, SHUT_WR);
    connection_io_drop_input(connection);
}

/* If there is output left, the client was cut off: a reset frees the kernel's buffers, too. */
void
connection_io_end(struct connection *connection)
{
    if (connection->socket.output) {
        setsockopt(connection->socket.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 },
                   sizeof(struct linger));
    }
    drop_output(connection);
    event_free(connection->socket.readable);
    if (connection->socket.writable) {
        event_free(connection->socket.writable);
    }
    close(connection->socket.fd);
    connection_io_drop_input(connection);
}
