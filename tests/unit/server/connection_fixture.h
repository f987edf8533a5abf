/* A pool on a real loop, clients over socket pairs, and an owner that does what the test sets and records its
 * events. What a client sends arrives at once, so a few turns of the loop suffice and no test waits. */
#ifndef TESTS_UNIT_SERVER_CONNECTION_FIXTURE_H
#define TESTS_UNIT_SERVER_CONNECTION_FIXTURE_H

#include "common/clock.h"
#include "server/http/connection_private.h"
#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUESTS_MAX 256

struct asked {
    struct connection *connection;
    char method[16], path[64];
    bool refused, has_body;
    enum problem_code code; /* of on_refused */
    int bodies, deadlines, finishes;
    enum problem_code body_code;
    char body[64]; /* the begin of it */
    size_t body_length;
    bool sent;
};

struct fixture {
    struct event_base *base;
    struct connection_pool *pool;
    int client; /* the other end of the first connection */
    struct connection *first;
    struct asked asked[REQUESTS_MAX];
    int count;
    bool reply_at_once; /* from within on_head, on_refused and on_body */
    bool want_body;     /* from within on_head, if there is one */
    bool reply_at_deadline;
    size_t limit;
    struct connection_reply reply;
    char received[1 << 16];
    size_t received_length;
};

static struct fixture *fixture;

static void *
fixture_begin(struct connection *connection)
{
    assert_true(fixture->count < REQUESTS_MAX);
    if (fixture->count) {
        const struct asked *last = &fixture->asked[fixture->count - 1];
        assert_true(last->finishes == 1 || last->connection != connection); /* one at a time */
    }
    struct asked *asked = &fixture->asked[fixture->count++];
    asked->connection = connection;
    asked->body_code = PROBLEM_NONE;
    return asked;
}

static void *
fixture_on_head(struct connection *connection, const struct http_head *head, void *argument)
{
    assert_ptr_equal(argument, fixture);
    struct asked *asked = fixture_begin(connection);
    snprintf(asked->method, sizeof(asked->method), "%.*s", (int)head->method_text.length,
             head->method_text.bytes);
    snprintf(asked->path, sizeof(asked->path), "%.*s", (int)head->path.length, head->path.bytes);
    asked->has_body = connection_has_body(connection);
    if (fixture->want_body) {
        connection_want_body(connection, fixture->limit);
    } else if (fixture->reply_at_once) {
        connection_reply(connection, &fixture->reply);
    }
    return asked;
}

static void *
fixture_on_refused(struct connection *connection, enum problem_code code, const char *detail, void *argument)
{
    assert_ptr_equal(argument, fixture);
    assert_non_null(detail);
    struct asked *asked = fixture_begin(connection);
    asked->refused = true;
    asked->code = code;
    asked->has_body = connection_has_body(connection);
    if (fixture->reply_at_once) {
        connection_reply(connection, &fixture->reply);
    }
    return asked;
}

static void
fixture_on_body(void *request, enum problem_code code, const char *detail)
{
    struct asked *asked = request;
    assert_int_equal(asked->finishes, 0);
    assert_int_equal(code == PROBLEM_NONE, detail == NULL);
    asked->bodies++;
    asked->body_code = code;
    const char *body = connection_body(asked->connection, &asked->body_length);
    snprintf(asked->body, sizeof(asked->body), "%.*s", (int)asked->body_length, body);
    if (fixture->reply_at_once) {
        connection_reply(asked->connection, &fixture->reply);
    }
}

static void
fixture_on_deadline(void *request)
{
    struct asked *asked = request;
    asked->deadlines++;
    if (fixture->reply_at_deadline) {
        connection_reply(asked->connection, &fixture->reply);
    }
}

static void
fixture_on_finished(void *request, bool sent)
{
    struct asked *asked = request;
    asked->finishes++;
    asked->sent = sent;
}

/* Opens another connection; returns the client's end. */
static inline int
fixture_connect(void)
{
    int ends[2];
    const struct sockaddr peer = { .sa_family = AF_UNIX };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_true(connection_open(fixture->pool, ends[0], &peer, sizeof(peer)));
    return ends[1];
}

static inline void
fixture_open_pool(size_t capacity)
{
    const struct connection_events events = { fixture_on_head,     fixture_on_refused,  fixture_on_body,
                                              fixture_on_deadline, fixture_on_finished, fixture };
    fixture->pool = connection_pool_new(fixture->base, &events, capacity);
}

static inline int
fixture_set_up(void **state)
{
    (void)state;
    clock_freeze(INT64_C(1000000000), INT64_C(784111777) * 1000000); /* Sun, 06 Nov 1994 08:49:37 GMT */
    fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    fixture->base = event_base_new();
    fixture_open_pool(100);
    fixture->client = fixture_connect();
    fixture->first = TAILQ_FIRST(&fixture->pool->idle);
    fixture->limit = 1000;
    fixture->reply = (struct connection_reply){
        .status = 200, .content_type = "text/plain", .body = "ok", .body_length = 2
    };
    return 0;
}

static inline int
fixture_tear_down(void **state)
{
    (void)state;
    connection_pool_free(fixture->pool);
    event_base_free(fixture->base);
    if (fixture->client >= 0) {
        close(fixture->client);
    }
    free(fixture);
    clock_release();
    return 0;
}

static inline void
fixture_turn(void)
{
    for (int i = 0; i < 8; i++) {
        event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    }
}

/* Lets time pass, and the sweep see it. */
static inline void
fixture_pass(int64_t milliseconds)
{
    clock_freeze(clock_monotonic_us() + milliseconds * 1000, clock_wall_us() + milliseconds * 1000);
    connection_pool_sweep(fixture->pool);
    fixture_turn();
}

static inline void
fixture_send_bytes(const char *bytes, size_t length)
{
    assert_int_equal(send(fixture->client, bytes, length, MSG_NOSIGNAL), length);
    fixture_turn();
}

static inline void
fixture_send(const char *text)
{
    fixture_send_bytes(text, strlen(text));
}

/* What the client has received since the last call, NUL-ended. */
static inline const char *
fixture_receive(void)
{
    fixture->received_length = 0;
    ssize_t count;
    do {
        fixture_turn();
        count = recv(fixture->client, fixture->received + fixture->received_length,
                     sizeof(fixture->received) - 1 - fixture->received_length, 0);
        fixture->received_length += count > 0 ? (size_t)count : 0;
    } while (count > 0);
    fixture->received[fixture->received_length] = '\0';
    return fixture->received;
}

/* Whether our end has been closed, or will send no more; everything before has been received. */
static inline bool
fixture_is_shut(void)
{
    char byte;
    fixture_turn();
    return recv(fixture->client, &byte, 1, 0) == 0;
}

/* Whether the connection is no more. */
static inline bool
fixture_is_closed(void)
{
    fixture_turn();
    return send(fixture->client, "", 1, MSG_NOSIGNAL) < 0 && connection_pool_count(fixture->pool) == 0;
}

static inline const struct asked *
fixture_last(void)
{
    assert_true(fixture->count > 0);
    return &fixture->asked[fixture->count - 1];
}

static inline void
fixture_reply(void)
{
    connection_reply(fixture_last()->connection, &fixture->reply);
}

#endif
