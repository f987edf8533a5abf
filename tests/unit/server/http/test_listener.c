#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/service.h"
#include "server/http/connection_private.h"
#include "server/http/listener.h"
#include "server/http/listener_sockets.h"
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tcp_fixture.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static struct {
    struct event_base *base;
    struct connection_pool *pool;
    struct listener_sockets *set;
    struct listener *listener;
    char folder[64], path[80], address[96], error[256];
} fixture;

static void *
on_head(struct connection *connection, const struct http_head *head, void *argument)
{
    (void)head;
    (void)argument;
    return connection; /* and never answers */
}

static void *
on_refused(struct connection *connection, enum problem_code code, const char *detail, void *argument)
{
    (void)code;
    (void)detail;
    (void)argument;
    return connection;
}

static void
on_body(void *request, enum problem_code code, const char *detail)
{
    (void)request;
    (void)code;
    (void)detail;
}

static void
on_deadline(void *request)
{
    (void)request;
}

static const struct connection_events events = { on_head, on_refused, on_body, on_deadline, NULL, NULL };

static int
set_up(void **state)
{
    (void)state;
    memset(&fixture, 0, sizeof(fixture));
    fixture.base = event_base_new();
    fixture.pool = connection_pool_new(fixture.base, &events, 1000);
    strcpy(fixture.folder, "/tmp/test-listener-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    snprintf(fixture.path, sizeof(fixture.path), "%s/socket", fixture.folder);
    snprintf(fixture.address, sizeof(fixture.address), "unix:%s", fixture.path);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    listener_free(fixture.listener);
    listener_sockets_unbind(fixture.set);
    connection_pool_free(fixture.pool);
    event_base_free(fixture.base);
    unlink(fixture.path);
    assert_int_equal(rmdir(fixture.folder), 0);
    return 0;
}

static int
bind_to(const char *address, int loops, struct listener_sockets **ret_set)
{
    return listener_sockets_bind(address, loops, ret_set, fixture.error, sizeof(fixture.error));
}

/* Binds and accepts into the pool. */
static void
listen_on(const char *address)
{
    if (bind_to(address, 1, &fixture.set) < 0) {
        fail_msg("%s", fixture.error);
    }
    fixture.listener = listener_new(fixture.base, fixture.set, 0, fixture.pool);
}

/* Binds for two loops: one accepts into the pool, the other, which the caller frees, into `other`. */
static struct listener *
listen_on_both(const char *address, struct connection_pool *other)
{
    if (bind_to(address, 2, &fixture.set) < 0) {
        fail_msg("%s", fixture.error);
    }
    fixture.listener = listener_new(fixture.base, fixture.set, 0, fixture.pool);
    return listener_new(fixture.base, fixture.set, 1, other);
}

static int
connect_tcp(const char *address)
{
    int fd = tcp_connect(address);
    assert_true(fd >= 0);
    return fd;
}

/* Returns -1 when nobody listens. */
static int
connect_unix(const char *path)
{
    struct sockaddr_un server = { .sun_family = AF_UNIX };
    strncpy(server.sun_path, path, sizeof(server.sun_path) - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Runs the loop until the pools hold so many connections. */
static void
wait_for(const struct connection_pool *other, size_t count)
{
    const struct timeval tenth = { 0, 10000 };
    int64_t end = clock_monotonic_ms() + 10000;
    while (connection_pool_count(fixture.pool) + (other ? connection_pool_count(other) : 0) != count) {
        assert_true(clock_monotonic_ms() < end);
        event_base_loopexit(fixture.base, &tenth);
        event_base_dispatch(fixture.base);
    }
}

/* --- TCP --- */

static void
test_a_free_port_is_named(void **state)
{
    (void)state;
    listen_on("127.0.0.1:0");
    const char *address = listener_sockets_address(fixture.set);
    assert_memory_equal(address, "127.0.0.1:", 10);
    assert_true(strtoul(address + 10, NULL, 10) > 0);
    int client = connect_tcp(address);
    wait_for(NULL, 1);
    const struct sockaddr *peer = connection_peer(TAILQ_FIRST(&fixture.pool->idle));
    assert_int_equal(peer->sa_family, AF_INET);
    struct sockaddr_in local = { 0 };
    socklen_t length = sizeof(local);
    assert_int_equal(getsockname(client, (struct sockaddr *)&local, &length), 0);
    assert_int_equal(((const struct sockaddr_in *)(const void *)peer)->sin_port, local.sin_port);
    close(client);
}

static void
test_accepted_sockets_do_not_delay(void **state)
{
    (void)state;
    listen_on("127.0.0.1:0");
    int client = connect_tcp(listener_sockets_address(fixture.set));
    wait_for(NULL, 1);
    int fd = TAILQ_FIRST(&fixture.pool->idle)->socket.fd, on = 0;
    socklen_t length = sizeof(on);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &length), 0);
    assert_int_equal(on, 1);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(client);
}

static void
test_each_loop_has_its_own_socket(void **state)
{
    (void)state;
    struct connection_pool *other = connection_pool_new(fixture.base, &events, 1000);
    struct listener *second = listen_on_both("127.0.0.1:0", other);
    int clients[64];
    for (size_t i = 0; i < 64; i++) {
        clients[i] = connect_tcp(listener_sockets_address(fixture.set));
    }
    wait_for(other, 64);
    assert_true(connection_pool_count(fixture.pool) > 0); /* by a hash: all on one has odds of 2^-63 */
    assert_true(connection_pool_count(other) > 0);
    for (size_t i = 0; i < 64; i++) {
        close(clients[i]);
    }
    wait_for(other, 0);
    listener_free(second);
    connection_pool_free(other);
}

/* A queue longer than a turn takes, at one of two loops. */
static void
test_closing_takes_in_whoever_waits(void **state)
{
    (void)state;
    struct connection_pool *other = connection_pool_new(fixture.base, &events, 1000);
    struct listener *second = listen_on_both("127.0.0.1:0", other);
    int clients[200];
    for (size_t i = 0; i < 200; i++) {
        clients[i] = connect_tcp(listener_sockets_address(fixture.set));
    }
    listener_close(fixture.listener);
    fixture.listener = NULL;
    size_t first = connection_pool_count(fixture.pool);
    assert_true(first > 64);
    int late = connect_tcp(listener_sockets_address(fixture.set));
    listener_close(second);
    assert_int_equal(connection_pool_count(other), 201 - first);
    char byte;
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(recv(clients[i], &byte, 1, MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
        close(clients[i]);
    }
    close(late);
    wait_for(other, 0);
    connection_pool_free(other);
}

static void
test_the_last_loop_closes_a_shared_socket(void **state)
{
    (void)state;
    listener_close(listen_on_both(fixture.address, fixture.pool));
    int client = connect_unix(fixture.path);
    assert_true(client >= 0);
    char aside[100];
    snprintf(aside, sizeof(aside), "%s.aside", fixture.path);
    assert_int_equal(link(fixture.path, aside), 0);
    listener_close(fixture.listener);
    fixture.listener = NULL;
    assert_int_equal(connection_pool_count(fixture.pool), 1);
    assert_int_equal(access(fixture.path, F_OK), -1);
    close(client);
    /* What a successor puts there is not removed, though it may have the same inode. */
    assert_int_equal(rename(aside, fixture.path), 0);
    listener_sockets_unbind(fixture.set);
    fixture.set = NULL;
    assert_int_equal(access(fixture.path, F_OK), 0);
}

static void
test_a_taken_port_is_told(void **state)
{
    (void)state;
    char expected[128];
    for (int loops = 1; loops <= 2; loops++) {
        assert_int_equal(bind_to("127.0.0.1:0", loops, &fixture.set), 0);
        struct listener_sockets *second = NULL;
        assert_int_equal(bind_to(listener_sockets_address(fixture.set), 2, &second), -1);
        assert_null(second);
        snprintf(expected, sizeof(expected), "cannot listen on %s: Address already in use",
                 listener_sockets_address(fixture.set));
        assert_string_equal(fixture.error, expected);
        listener_sockets_unbind(fixture.set);
        fixture.set = NULL;
    }
}

static void
test_a_port_is_free_again_at_once(void **state)
{
    (void)state;
    char address[64];
    tcp_own_address(address);
    listen_on(address);
    snprintf(address, sizeof(address), "%s", listener_sockets_address(fixture.set));
    int client = connect_tcp(address);
    wait_for(NULL, 1);
    for (int i = 0; i < 2; i++) {
        connection_pool_drain(fixture.pool); /* our end closes first, and stays in TIME_WAIT */
    }
    assert_int_equal(connection_pool_count(fixture.pool), 0);
    close(client);
    listener_free(fixture.listener);
    fixture.listener = NULL;
    listener_sockets_unbind(fixture.set);
    fixture.set = NULL;
    assert_int_equal(bind_to(address, 2, &fixture.set), 0);
}

static void
test_ipv6(void **state)
{
    (void)state;
    if (bind_to("[::1]:0", 1, &fixture.set) < 0) {
        print_message("no IPv6: %s\n", fixture.error);
        skip();
    }
    assert_memory_equal(listener_sockets_address(fixture.set), "[::1]:", 6);
    int only = 0;
    socklen_t length = sizeof(only);
    int fd = listener_sockets_descriptor(fixture.set, 0, 0);
    assert_int_equal(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length), 0);
    assert_int_equal(only, 1);
}

/* The value of IPV6_V6ONLY of the first loop's socket of that number. */
static int
serves_only6(int number)
{
    int only = -1;
    socklen_t length = sizeof(only);
    int fd = listener_sockets_descriptor(fixture.set, number, 0);
    assert_int_equal(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length), 0);
    return only;
}

static void
test_the_wildcard_serves_both_families(void **state)
{
    (void)state;
    if (bind_to("[::]:0", 1, &fixture.set) < 0) {
        print_message("no IPv6: %s\n", fixture.error);
        skip();
    }
    assert_int_equal(serves_only6(0), 0);
    char address[TCP_ADDRESS_SIZE];
    const char *port = strrchr(listener_sockets_address(fixture.set), ':');
    snprintf(address, sizeof(address), "127.0.0.1%s", port);
    int client = connect_tcp(address);
    assert_true(client >= 0);
    close(client);
    char both[2 * TCP_ADDRESS_SIZE];
    snprintf(both, sizeof(both), "127.0.0.1%s, [::]%s", port, port);
    listener_sockets_unbind(fixture.set);
    fixture.set = NULL;
    assert_int_equal(bind_to(both, 1, &fixture.set), 0);
    assert_int_equal(serves_only6(1), 1);
}

static void
test_several_addresses(void **state)
{
    (void)state;
    char addresses[256];
    snprintf(addresses, sizeof(addresses), "127.0.0.1:0,127.0.0.2:0 , %s", fixture.address);
    assert_int_equal(bind_to(addresses, 3, &fixture.set), 0);
    for (int loop = 0; loop < 3; loop++) {
        assert_int_equal(listener_sockets_count(fixture.set, loop), 3);
        assert_int_equal(listener_sockets_descriptor(fixture.set, 2, loop),
                         listener_sockets_descriptor(fixture.set, 2, 0));
    }
    assert_int_not_equal(listener_sockets_descriptor(fixture.set, 0, 0),
                         listener_sockets_descriptor(fixture.set, 0, 1));
    const char *shown = listener_sockets_address(fixture.set);
    assert_memory_equal(shown, "127.0.0.1:", 10);
    assert_non_null(strstr(shown, ", 127.0.0.2:"));
    assert_non_null(strstr(shown, fixture.address));
}

/* One address that fails leaves nothing behind. */
static void
test_all_addresses_or_none(void **state)
{
    (void)state;
    char addresses[256];
    snprintf(addresses, sizeof(addresses), "%s,127.0.0.1:0,192.0.2.1:1", fixture.address);
    assert_int_equal(bind_to(addresses, 2, &fixture.set), -1);
    assert_null(fixture.set);
    assert_memory_equal(fixture.error, "cannot listen on 192.0.2.1:1: ", 30);
    assert_int_equal(access(fixture.path, F_OK), -1);
}

static void
test_what_is_no_address_is_told(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "127.0.0.1", "", "[::1:0", "127.0.0.1:http2x", "[]", "256.1.1.1.1.1:80", "[x]:0", "192.0.2.1:8080"
    };
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        fixture.error[0] = '\0';
        assert_int_equal(bind_to(addresses[i], 1, &fixture.set), -1);
        assert_null(fixture.set);
        assert_memory_equal(fixture.error, "cannot listen on ", 17);
        assert_null(strchr(fixture.error, '\n'));
    }
}

/* --- unix --- */

static void
test_mode_and_group_of_a_unix_socket(void **state)
{
    (void)state;
    struct stat file;
    char group[16], error[256];
    assert_int_equal(bind_to(fixture.address, 1, &fixture.set), 0);
    assert_int_equal(listener_sockets_permit(fixture.set, 0660, "", error, sizeof(error)), 0);
    assert_int_equal(stat(fixture.path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0660);
    gid_t other = getegid() == 0 ? 12345 : getegid();
    snprintf(group, sizeof(group), "%u", (unsigned)other);
    assert_int_equal(listener_sockets_permit(fixture.set, 0600, group, error, sizeof(error)), 0);
    assert_int_equal(stat(fixture.path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
    assert_int_equal(file.st_gid, other);
    assert_int_equal(listener_sockets_permit(fixture.set, 0600, "no-such-group", error, sizeof(error)), -1);
    assert_string_equal(error, "there is no group \"no-such-group\"");
}

static void
test_a_unix_socket(void **state)
{
    (void)state;
    listen_on(fixture.address);
    assert_string_equal(listener_sockets_address(fixture.set), fixture.address);
    int client = connect_unix(fixture.path);
    assert_true(client >= 0);
    wait_for(NULL, 1);
    assert_int_equal(connection_peer(TAILQ_FIRST(&fixture.pool->idle))->sa_family, AF_UNIX);
    close(client);
    listener_sockets_unbind(fixture.set);
    fixture.set = NULL;
    assert_int_equal(access(fixture.path, F_OK), -1);
}

static void
test_a_stale_unix_socket_is_replaced(void **state)
{
    (void)state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(address.sun_path, fixture.path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    listen_on(fixture.address);
    int client = connect_unix(fixture.path);
    assert_true(client >= 0);
    close(client);
}

static void
test_a_live_unix_socket_is_not_replaced(void **state)
{
    (void)state;
    listen_on(fixture.address);
    struct listener_sockets *second = NULL;
    assert_int_equal(bind_to(fixture.address, 1, &second), -1);
    assert_null(second);
    assert_non_null(strstr(fixture.error, ": Address already in use"));
    int client = connect_unix(fixture.path);
    assert_true(client >= 0);
    close(client);
}

static void
test_a_file_that_is_no_socket_stays(void **state)
{
    (void)state;
    int fd = open(fixture.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(bind_to(fixture.address, 1, &fixture.set), -1);
    assert_int_equal(access(fixture.path, F_OK), 0);
}

static void
test_a_unix_socket_of_somebody_else_stays(void **state)
{
    (void)state;
    assert_int_equal(bind_to(fixture.address, 1, &fixture.set), 0);
    struct listener_sockets *first = fixture.set;
    char aside[100];
    snprintf(aside, sizeof(aside), "%s.aside", fixture.path);
    assert_int_equal(rename(fixture.path, aside), 0); /* so that its inode is not used again */
    fixture.set = NULL;
    listen_on(fixture.address);
    listener_sockets_unbind(first);
    int client = connect_unix(fixture.path);
    assert_true(client >= 0);
    close(client);
    assert_int_equal(unlink(aside), 0);
}

static void
test_a_unix_path_too_long_is_told(void **state)
{
    (void)state;
    char address[200];
    snprintf(address, sizeof(address), "unix:/tmp/%0150d", 0);
    assert_int_equal(bind_to(address, 1, &fixture.set), -1);
    assert_non_null(strstr(fixture.error, "File name too long"));
}

static void
test_all_loops_share_a_unix_socket(void **state)
{
    (void)state;
    assert_int_equal(bind_to(fixture.address, 2, &fixture.set), 0);
    fixture.listener = listener_new(fixture.base, fixture.set, 1, fixture.pool);
    int client = connect_unix(fixture.path);
    wait_for(NULL, 1);
    close(client);
}

/* --- socket activation --- */

/* In a child, whose descriptors 3 to 5 may be anything; earlier processes left 4 and 5. 0 is success.
 */
static int
activated_life(int given)
{
    char number[16];
    int null = open("/dev/null", O_RDONLY);
    if (dup2(given, 3) != 3 || dup2(null, 4) != 4 || dup2(4, 5) != 5) {
        return 2;
    }
    fixture.base = event_base_new(); /* the old one may have had descriptor 3 */
    fixture.pool = connection_pool_new(fixture.base, &events, 10);
    snprintf(number, sizeof(number), "%ld", (long)getpid());
    setenv("LISTEN_PID", number, 1);
    setenv("LISTEN_FDS", "3", 1);
    setenv("LISTEN_FDNAMES", "http:" SERVICE_KEPT "notes:" SERVICE_KEPT "notes", 1);
    struct listener_sockets *set = NULL, *second = NULL;
    if (service_take_kept(SERVICE_KEPT "notes") != 5) {
        return 5;
    }
    if (bind_to("127.0.0.1:1", 3, &set) < 0) {
        return strstr(fixture.error, "systemd") ? 10 : 3;
    }
    bool nonblocking = fcntl(3, F_GETFL) & O_NONBLOCK;
    bool named = strncmp(listener_sockets_address(set), "127.0.0.1:", 10) == 0 &&
                 strcmp(listener_sockets_address(set), "127.0.0.1:1") != 0;
    struct listener *listener = listener_new(fixture.base, set, 2, fixture.pool);
    int client = connect_tcp(listener_sockets_address(set));
    wait_for(NULL, 1);
    bool once = bind_to(fixture.address, 1, &second) == 0 &&
                strcmp(listener_sockets_address(second), fixture.address) == 0;
    close(client);
    wait_for(NULL, 0);
    /* A client that connects at the end waits for the next process that systemd starts. */
    int late = connect_tcp(listener_sockets_address(set));
    connection_pool_drain(fixture.pool);
    for (int i = 0; i < 2; i++) {
        listener_close(listener_new(fixture.base, set, i, fixture.pool));
    }
    listener_close(listener);
    bool left = connection_pool_count(fixture.pool) == 0;
    listener = listener_new(fixture.base, set, 0, fixture.pool);
    wait_for(NULL, 1);
    close(late);
    listener_free(listener);
    listener_sockets_unbind(second);
    listener_sockets_unbind(set);
    return nonblocking && named && once && left ? 0 : 4;
}

static int
activate_with(int given)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(activated_life(given));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
test_sockets_of_systemd_are_used(void **state)
{
    (void)state;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 10), 0);
    assert_int_equal(activate_with(fd), 0);
    close(fd);
}

static void
test_a_descriptor_of_systemd_that_cannot_be_used_is_told(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(activate_with(fd), 10);
    close(fd);
}

/* --- from one process to the next --- */

/* Takes duplicates of the set's sockets, as from another process. */
static int
take_from(const struct listener_sockets *set, int loops_before, int loops, struct listener_sockets **ret_set)
{
    struct listener_socket list[8];
    int count = listener_sockets_list(set, list, 8);
    assert_in_range(count, 1, 8);
    for (int i = 0; i < count; i++) {
        list[i].fd = dup(list[i].fd);
    }
    return listener_sockets_take(list, count, loops_before, loops, ret_set, fixture.error,
                                 sizeof(fixture.error));
}

static void
test_sockets_of_another_process_are_used(void **state)
{
    (void)state;
    struct listener_sockets *before;
    assert_int_equal(bind_to("127.0.0.1:0", 2, &before), 0);
    assert_int_equal(listener_sockets_list(before, NULL, 0), -1);
    assert_int_equal(take_from(before, 2, 2, &fixture.set), 0);
    assert_string_equal(listener_sockets_address(fixture.set), listener_sockets_address(before));
    assert_int_equal(listener_sockets_count(fixture.set, 0), 1);
    assert_int_equal(listener_sockets_count(fixture.set, 1), 1);
    listener_sockets_unbind(fixture.set);
    /* With another number of loops, none may be left out. */
    assert_int_equal(take_from(before, 2, 1, &fixture.set), 0);
    assert_int_equal(listener_sockets_count(fixture.set, 0), 2);
    listener_sockets_unbind(before);
    fixture.listener = listener_new(fixture.base, fixture.set, 0, fixture.pool);
    int client = connect_tcp(listener_sockets_address(fixture.set));
    wait_for(NULL, 1);
    close(client);
}

static void
test_the_file_of_a_unix_socket_is_its_last_owners(void **state)
{
    (void)state;
    struct listener_sockets *before;
    char error[256];
    struct stat file;
    assert_int_equal(bind_to(fixture.address, 1, &before), 0);
    assert_int_equal(listener_sockets_permit(before, 0600, "", error, sizeof(error)), 0);
    assert_int_equal(take_from(before, 1, 1, &fixture.set), 0);
    assert_int_equal(listener_sockets_permit(fixture.set, 0666, "", error, sizeof(error)), 0);
    assert_int_equal(stat(fixture.path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0600);
    assert_int_equal(listener_sockets_permit(fixture.set, 0666, "no-such-group", error, sizeof(error)), -1);
    listener_sockets_share(before, true);
    listener_sockets_share(fixture.set, false);
    assert_int_equal(listener_sockets_permit(fixture.set, 0666, "", error, sizeof(error)), 0);
    assert_int_equal(stat(fixture.path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0666);
    listener_sockets_unbind(before);
    int client = connect_unix(fixture.path);
    assert_true(client >= 0);
    close(client);
    listener_sockets_unbind(fixture.set);
    fixture.set = NULL;
    assert_int_equal(access(fixture.path, F_OK), -1);
}

static void
test_closing_leaves_whoever_waits_to_the_other_process(void **state)
{
    (void)state;
    struct listener_sockets *after;
    listen_on("127.0.0.1:0");
    assert_int_equal(take_from(fixture.set, 1, 1, &after), 0);
    int client = connect_tcp(listener_sockets_address(fixture.set));
    listener_sockets_share(fixture.set, true);
    listener_close(fixture.listener);
    assert_int_equal(connection_pool_count(fixture.pool), 0);
    fixture.listener = listener_new(fixture.base, after, 0, fixture.pool);
    wait_for(NULL, 1);
    close(client);
    wait_for(NULL, 0);
    listener_free(fixture.listener);
    fixture.listener = NULL;
    listener_sockets_unbind(after);
}

static void
test_what_is_no_listening_socket_is_not_taken(void **state)
{
    (void)state;
    struct listener_socket list[] = { { open("/dev/null", O_RDONLY | O_CLOEXEC), 0 },
                                      { socket(AF_UNIX, SOCK_STREAM, 0), LISTENER_ALL_LOOPS } };
    assert_int_equal(listener_sockets_take(list, 2, 1, 1, &fixture.set, fixture.error, sizeof(fixture.error)),
                     -1);
    assert_non_null(strstr(fixture.error, "the running server"));
    assert_int_equal(fcntl(list[0].fd, F_GETFD), -1);
    assert_int_equal(fcntl(list[1].fd, F_GETFD), -1);
}

/* --- out of descriptors --- */

static struct rlimit old_limit;

/* No more than `more` descriptors can be opened from now on. */
static void
limit_descriptors(int more)
{
    int next = dup(0);
    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old_limit), 0);
    struct rlimit limit = { (rlim_t)(next + more), old_limit.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void
lift_limit(void)
{
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old_limit), 0);
}

static void
test_idle_connections_make_room(void **state)
{
    (void)state;
    listen_on("127.0.0.1:0");
    int clients[6];
    clients[0] = connect_tcp(listener_sockets_address(fixture.set));
    wait_for(NULL, 1);
    clients[1] = connect_tcp(listener_sockets_address(fixture.set)); /* has its descriptor, ours is to come */
    limit_descriptors(0);
    event_base_loop(fixture.base, EVLOOP_ONCE);
    lift_limit();
    char byte;
    assert_int_equal(recv(clients[0], &byte, 1, 0), 0);
    assert_int_equal(connection_pool_count(fixture.pool), 1);
    assert_int_equal(recv(clients[1], &byte, 1, MSG_DONTWAIT), -1);
    close(clients[0]);
    close(clients[1]);
}

/* Runs `act` with stderr in a pipe; returns how many lines it wrote. */
static int
count_log_lines(void (*act)(void))
{
    int ends[2], kept = dup(STDERR_FILENO), lines = 0;
    char text[4096];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    dup2(ends[1], STDERR_FILENO);
    act();
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(ends[1]);
    ssize_t length = read(ends[0], text, sizeof(text));
    close(ends[0]);
    for (ssize_t i = 0; i < length; i++) {
        lines += text[i] == '\n';
    }
    return lines;
}

static void
exhaust(void)
{
    limit_descriptors(0);
    for (int i = 0; i < 3; i++) {
        event_base_loop(fixture.base, EVLOOP_NONBLOCK);
    }
    lift_limit();
}

/* Turns four away, then has one wait. Whether the loop was looked at while it must not accept, which is for
 * 100 ms. */
static bool
turn_four_away(int expected_lines)
{
    int clients[4];
    for (size_t i = 0; i < 4; i++) {
        clients[i] = connect_tcp(listener_sockets_address(fixture.set));
    }
    int64_t begun_ms = clock_monotonic_ms();
    assert_int_equal(count_log_lines(exhaust), expected_lines);
    for (size_t i = 0; i < 4; i++) {
        char answer[64] = "";
        assert_true(recv(clients[i], answer, sizeof(answer) - 1, 0) > 0);
        assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
        close(clients[i]);
    }
    int late = connect_tcp(listener_sockets_address(fixture.set));
    event_base_loop(fixture.base, EVLOOP_NONBLOCK);
    size_t count = connection_pool_count(fixture.pool);
    bool in_time = clock_monotonic_ms() - begun_ms < 80;
    if (in_time) {
        assert_int_equal(count, 1);
    }
    wait_for(NULL, 2); /* then it accepts again */
    close(late);
    wait_for(NULL, 1);
    return in_time;
}

static void
test_without_descriptors_clients_are_turned_away(void **state)
{
    (void)state;
    listen_on("127.0.0.1:0");
    int busy = connect_tcp(listener_sockets_address(fixture.set));
    assert_int_equal(send(busy, GET, sizeof(GET) - 1, 0), sizeof(GET) - 1);
    wait_for(NULL, 1);
    while (connection_pool_busy(fixture.pool) == 0) {
        event_base_loop(fixture.base, EVLOOP_ONCE);
    }
    /* It pauses, so that the loop does not spin. */
    for (int lines = 1; !turn_four_away(lines); lines = 0) {
    }
    close(busy);
}

static void
close_exhausted(void)
{
    limit_descriptors(0);
    listener_close(fixture.listener);
    lift_limit();
}

static void
test_without_descriptors_closing_turns_away_whoever_waits(void **state)
{
    (void)state;
    listen_on("127.0.0.1:0");
    int clients[150];
    for (size_t i = 0; i < 150; i++) {
        clients[i] = connect_tcp(listener_sockets_address(fixture.set));
    }
    connection_pool_drain(fixture.pool);
    assert_int_equal(count_log_lines(close_exhausted), 1);
    fixture.listener = NULL;
    for (size_t i = 0; i < 150; i++) {
        char answer[64] = "";
        assert_true(recv(clients[i], answer, sizeof(answer) - 1, 0) > 0);
        assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
        close(clients[i]);
    }
}

static void
exhaust_again(void)
{
    int64_t begin = clock_monotonic_us();
    static const int64_t seconds[] = { 0, 30, 59, 61 };
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        int client = connect_tcp(listener_sockets_address(fixture.set));
        clock_freeze(begin + seconds[i] * 1000000, 0);
        exhaust();
        clock_release();
        const struct timeval longer_than_the_pause = { 0, 150000 };
        event_base_loopexit(fixture.base, &longer_than_the_pause);
        event_base_dispatch(fixture.base);
        close(client);
    }
}

static void
test_exhaustion_is_logged_once_a_minute(void **state)
{
    (void)state;
    listen_on("127.0.0.1:0");
    assert_int_equal(count_log_lines(exhaust_again), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_free_port_is_named),
        TEST(test_accepted_sockets_do_not_delay),
        TEST(test_each_loop_has_its_own_socket),
        TEST(test_closing_takes_in_whoever_waits),
        TEST(test_the_last_loop_closes_a_shared_socket),
        TEST(test_a_taken_port_is_told),
        TEST(test_a_port_is_free_again_at_once),
        TEST(test_ipv6),
        TEST(test_the_wildcard_serves_both_families),
        TEST(test_several_addresses),
        TEST(test_all_addresses_or_none),
        TEST(test_mode_and_group_of_a_unix_socket),
        TEST(test_what_is_no_address_is_told),
        TEST(test_a_unix_socket),
        TEST(test_a_stale_unix_socket_is_replaced),
        TEST(test_a_live_unix_socket_is_not_replaced),
        TEST(test_a_file_that_is_no_socket_stays),
        TEST(test_a_unix_socket_of_somebody_else_stays),
        TEST(test_a_unix_path_too_long_is_told),
        TEST(test_all_loops_share_a_unix_socket),
        TEST(test_sockets_of_systemd_are_used),
        TEST(test_a_descriptor_of_systemd_that_cannot_be_used_is_told),
        TEST(test_sockets_of_another_process_are_used),
        TEST(test_the_file_of_a_unix_socket_is_its_last_owners),
        TEST(test_closing_leaves_whoever_waits_to_the_other_process),
        TEST(test_what_is_no_listening_socket_is_not_taken),
        TEST(test_idle_connections_make_room),
        TEST(test_without_descriptors_clients_are_turned_away),
        TEST(test_without_descriptors_closing_turns_away_whoever_waits),
        TEST(test_exhaustion_is_logged_once_a_minute),
    };
    setenv("RES_OPTIONS", "timeout:1 attempts:1",
           1); /* what is no address may be a name, and nobody may answer */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
