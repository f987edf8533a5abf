/* A whole loop of the server with a PostgreSQL that answers as the test says (scripted_db.h), and one client
 * over a socket pair. Only argon2 takes time; loop_fixture_wait() waits for it, nobody sleeps. */
#ifndef TESTS_UNIT_SERVER_LOOP_FIXTURE_H
#define TESTS_UNIT_SERVER_LOOP_FIXTURE_H

#include "common/log.h"
#include "common/token.h"
#include "server/auth/gate.h"
#include "server/database/handlers.h"
#include "server/http/listener.h"
#include "server/http/listener_sockets.h"
#include "server/loop.h"
#include "server/request/request.h"
#include "server/request/steps.h"
#include "server/routes.h"
#include "server/server.h"
#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scripted_db.h"
#include "tcp_fixture.h"

/* Of scripted.connections: the gate's come first. */
#define FIRST_HANDLER GATE_CONNECTIONS

static struct config fixture_config;
static struct server server;
static struct route_table *fixture_routes;
static struct loop loop;
static int client;
static size_t fixture_password_queue = 4; /* of the next set-up */
static char received[1 << 16];
static char preview[TOKEN_PREVIEW_SIZE]; /* of the token that answer_state() tells of */

static inline int
loop_fixture_connect(void)
{
    int ends[2];
    const struct sockaddr peer = { .sa_family = AF_UNIX };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_true(connection_open(loop.pool, ends[0], &peer, sizeof(peer)));
    return ends[1];
}

static inline int
loop_fixture_set_up(void **state)
{
    (void)state;
    static char database_url[] = "", trusted_proxies[] = "", listen[TCP_ADDRESS_SIZE],
                public_url[] = "http://keys.example.test";
    tcp_own_address(listen);
    fixture_config = (struct config){ .database_url = database_url,
                                      .listen = listen,
                                      .public_url = public_url,
                                      .trusted_proxies = trusted_proxies,
                                      .threads = 1,
                                      .argon2_memory_kib = 8,
                                      .argon2_time = 1,
                                      .argon2_parallelism = 1,
                                      .rate_limit = 600,
                                      .rate_burst = 120 };
    memset(&loop, 0, sizeof(loop));
    scripted_reset();
    secret_setup();
    log_setup("test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    fixture_routes = route_table_new(routes, routes_count);
    const struct server_options options = { .config = &fixture_config,
                                            .routes = fixture_routes,
                                            .missing = &routes_missing,
                                            .events = &steps_events,
                                            .metrics_events = &steps_metrics_events,
                                            .hashers = 1,
                                            .token_queue = 4,
                                            .password_queue = fixture_password_queue,
                                            .creation_queue = 4 };
    assert_int_equal(server_open(&server, &options), 0);
    server.loops = &loop;
    loop_init(&loop, &server, 0);
    client = loop_fixture_connect();
    return 0;
}

static inline int
loop_fixture_tear_down(void **state)
{
    (void)state;
    if (client >= 0) {
        close(client);
    }
    loop_clear(&loop);
    server_close(&server);
    route_table_free(fixture_routes);
    assert_int_equal(scripted.results, 0);
    return 0;
}

static inline void
loop_fixture_turn(void)
{
    for (int i = 0; i < 8; i++) {
        event_base_loop(loop.base, EVLOOP_NONBLOCK);
    }
}

/* What the client has been sent since the last call, NUL-ended; "" when nothing is there yet. */
static inline const char *
receive(void)
{
    size_t length = 0;
    ssize_t count;
    do {
        loop_fixture_turn();
        count = recv(client, received + length, sizeof(received) - 1 - length, 0);
        length += count > 0 ? (size_t)count : 0;
    } while (count > 0);
    received[length] = '\0';
    return received;
}

static inline void
send_text(const char *text)
{
    assert_int_equal(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    loop_fixture_turn();
}

/* Sends a request without a body; `fields` are whole lines. */
static inline void
send_request(const char *line, const char *fields)
{
    char text[4096];
    int length =
        snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: keys.example.test\r\n%s\r\n", line, fields);
    assert_in_range(length, 0, sizeof(text) - 1);
    send_text(text);
}

/* Runs the loop until a call beyond the first `calls` has been made, or the client has an answer. */
static inline const char *
loop_fixture_wait(int calls)
{
    const char *answer = receive();
    while (!*answer && scripted.count <= calls) {
        event_base_loop(loop.base, EVLOOP_ONCE);
        answer = receive();
    }
    return answer;
}

static inline int
last_call(enum query query)
{
    assert_true(scripted.count > 0);
    assert_int_equal(scripted.calls[scripted.count - 1].query, query);
    return scripted.count - 1;
}

/* The answer must be there, of that status and with this text somewhere in it. */
static inline void
assert_answer(int status, const char *part)
{
    char line[32];
    const char *answer = receive();
    snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
    if (strncmp(answer, line, strlen(line)) != 0 || !strstr(answer, part)) {
        fail_msg("expected %d with \"%s\", got:\n%s", status, part, answer);
    }
}

/* --- what PostgreSQL says of a token or a session --- */

#define EPOCH       "1"
#define NOW         "1000"
#define TOKEN_ID    "7"
#define USER_ID     "3"
#define STATE_CELLS 18

static inline void
answer_epoch(void)
{
    answer(last_call(QUERY_GATE_EPOCH), (const char *const[]){ EPOCH, NOW, "1" }, 1, 3);
}

static inline void
answer_state(const char *ended, const char *expires, const char *role)
{
    const char *const cells[STATE_CELLS] = { EPOCH,
                                             NOW,
                                             TOKEN_ID,
                                             ended,
                                             expires,
                                             "2026-12-01T00:00:00Z",
                                             "CI",
                                             preview,
                                             "2026-11-01T00:00:00Z",
                                             "30",
                                             NULL,
                                             USER_ID,
                                             "ada@example.test",
                                             "Ada",
                                             "person",
                                             role,
                                             "2",
                                             "Example" };
    answer(last_call(QUERY_GATE_STATES), cells, 1, STATE_CELLS);
}

static inline void
answer_session(const char *role)
{
    const char *const cells[] = { "5", USER_ID, "ada@example.test", "Ada", "person", role, "2", "Example" };
    answer(last_call(QUERY_SESSIONS_FIND), cells, 1, 8);
}

#endif
