#include "common/health.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* Answers one client with `answer`, in pieces of `piece` bytes. */
struct peer {
    int listener;
    const char *answer;
    size_t piece;
    char asked[256];
    pthread_t thread;
};

static void *
answer_one(void *argument)
{
    struct peer *peer = argument;
    int fd = accept(peer->listener, NULL, NULL);
    assert_true(fd >= 0);
    ssize_t count = recv(fd, peer->asked, sizeof(peer->asked) - 1, 0);
    assert_true(count > 0);
    for (const char *rest = peer->answer; *rest; rest += strnlen(rest, peer->piece)) {
        send(fd, rest, strnlen(rest, peer->piece), MSG_NOSIGNAL);
    }
    if (!peer->answer[0]) {
        char byte;
        recv(fd, &byte, 1, 0); /* until the client gives up */
    }
    close(fd);
    return NULL;
}

static int
listen_tcp(const char *host, char *ret_port, size_t size)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(inet_pton(AF_INET, host, &address.sin_addr), 1);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(ret_port, size, "%d", ntohs(address.sin_port));
    return fd;
}

/* health_ask(), with what it said in `error`. */
static char error[256];

static int
ask(struct peer *peer, const char *address, int timeout_ms)
{
    error[0] = '\0';
    peer->piece = peer->piece ? peer->piece : SIZE_MAX;
    assert_int_equal(pthread_create(&peer->thread, NULL, answer_one, peer), 0);
    int outcome = health_ask(address, timeout_ms, error, sizeof(error));
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    return outcome;
}

static int
ask_tcp(struct peer *peer, int timeout_ms)
{
    char port[8], address[64];
    peer->listener = listen_tcp("127.0.0.1", port, sizeof(port));
    snprintf(address, sizeof(address), "127.0.0.1:%s", port);
    return ask(peer, address, timeout_ms);
}

static void
test_ready(void **state)
{
    (void)state;
    struct peer peer = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" };
    assert_int_equal(ask_tcp(&peer, 5000), 0);
    assert_string_equal(peer.asked, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    struct peer slow = { .answer = "HTTP/1.0 200 OK\r\n\r\n", .piece = 1 };
    assert_int_equal(ask_tcp(&slow, 5000), 0);
}

static void
test_other_answers(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *error;
    } cases[] = {
        { "HTTP/1.1 503 Service Unavailable\r\n\r\n", "answers 503" },
        { "HTTP/1.1 2000 OK\r\n\r\n", "no answer of HTTP" },
        { "200 OK\r\n", "no answer of HTTP" },
        { "HTTP/2 200 \r\n", "no answer of HTTP" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct peer peer = { .answer = cases[i].answer };
        assert_int_equal(ask_tcp(&peer, 5000), -1);
        assert_non_null(strstr(error, cases[i].error));
    }
}

static void
test_silence_ends(void **state)
{
    (void)state;
    struct peer peer = { .answer = "" };
    assert_int_equal(ask_tcp(&peer, 50), -1);
    assert_non_null(strstr(error, "timed out"));
}

static void
test_wildcard_and_no_host(void **state)
{
    (void)state;
    static const char *const hosts[] = { "0.0.0.0", "", "localhost", "[::ffff:127.0.0.1]" };
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct peer peer = { .answer = "HTTP/1.1 200 OK\r\n\r\n" };
        char port[8], address[64];
        peer.listener = listen_tcp("0.0.0.0", port, sizeof(port));
        snprintf(address, sizeof(address), "%s:%s", hosts[i], port);
        assert_int_equal(ask(&peer, address, 5000), 0);
    }
}

static void
test_unix_socket(void **state)
{
    (void)state;
    char folder[] = "/tmp/health-XXXXXX", address[128];
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    struct peer peer = { .answer = "HTTP/1.1 200 OK\r\n\r\n" };
    assert_non_null(mkdtemp(folder));
    snprintf(name.sun_path, sizeof(name.sun_path), "%s/http", folder);
    snprintf(address, sizeof(address), "unix:%s", name.sun_path);
    peer.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(peer.listener, (const struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(peer.listener, 1), 0);
    assert_int_equal(ask(&peer, address, 5000), 0);
    /* Its listener is closed now, then its file is gone. */
    assert_int_equal(health_ask(address, 5000, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "Connection refused"));
    assert_int_equal(unlink(name.sun_path), 0);
    assert_int_equal(health_ask(address, 5000, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "No such file"));
    assert_int_equal(rmdir(folder), 0);
}

static void
test_nothing_there(void **state)
{
    (void)state;
    char port[8], address[64], path[160] = "unix:/";
    close(listen_tcp("127.0.0.1", port, sizeof(port)));
    snprintf(address, sizeof(address), "127.0.0.1:%s", port);
    assert_int_equal(health_ask(address, 5000, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "Connection refused"));
    assert_int_equal(health_ask("nonsense", 5000, error, sizeof(error)), -1);
    memset(path + 6, 'x', sizeof(path) - 7);
    assert_int_equal(health_ask(path, 5000, error, sizeof(error)), -1);
    assert_non_null(strstr(error, "too long"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ready),        cmocka_unit_test(test_other_answers),
        cmocka_unit_test(test_silence_ends), cmocka_unit_test(test_wildcard_and_no_host),
        cmocka_unit_test(test_unix_socket),  cmocka_unit_test(test_nothing_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
