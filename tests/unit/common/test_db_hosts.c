#include "common/db_hosts.h"
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SILENT 3 /* hosts that take connections and say nothing */

static int listeners[SILENT];
static int ports[SILENT];

static int
set_up(void **state)
{
    (void)state;
    for (int i = 0; i < SILENT; i++) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof(address);
        listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(listeners[i], (struct sockaddr *)&address, length), 0);
        assert_int_equal(listen(listeners[i], 8), 0);
        assert_int_equal(getsockname(listeners[i], (struct sockaddr *)&address, &length), 0);
        ports[i] = ntohs(address.sin_port);
    }
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < SILENT; i++) {
        close(listeners[i]);
    }
    return 0;
}

/* Begins to connect in the order of `hosts`, and passes over the host that it is at. */
static void
pass_over(struct db_hosts *hosts, const char *url)
{
    const char *keywords[] = { "dbname", "host", "hostaddr", "port", NULL };
    const char *values[] = { url, hosts->host, hosts->hostaddr, hosts->port, NULL };
    PGconn *connection = PQconnectStartParams(keywords, values, 1);
    assert_int_not_equal(PQstatus(connection), CONNECTION_BAD);
    db_hosts_pass_over(hosts, connection);
    PQfinish(connection);
}

static void
assert_ports(const struct db_hosts *hosts, int first, int second, int third)
{
    char expected[64];
    snprintf(expected, sizeof(expected), "%d,%d,%d", ports[first], ports[second], ports[third]);
    assert_string_equal(hosts->port, expected);
}

static void
test_the_silent_host_becomes_the_last(void **state)
{
    (void)state;
    struct db_hosts hosts = { 0 };
    char url[256];
    snprintf(url, sizeof(url), "postgresql://u:p@127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/d", ports[0],
             ports[1], ports[2]);
    pass_over(&hosts, url);
    assert_ports(&hosts, 1, 2, 0);
    assert_string_equal(hosts.host, "127.0.0.1,127.0.0.1,127.0.0.1");
    pass_over(&hosts, url);
    assert_ports(&hosts, 2, 0, 1);
    pass_over(&hosts, url);
    assert_ports(&hosts, 0, 1, 2);
    db_hosts_clear(&hosts);
    assert_null(hosts.port);
}

/* libpq goes on by itself from a host that refuses. */
static void
test_hosts_before_the_silent_one_come_before_it(void **state)
{
    (void)state;
    struct db_hosts hosts = { 0 };
    char url[256];
    snprintf(url, sizeof(url), "host=/nowhere,localhost,b hostaddr=,127.0.0.1,127.0.0.1 port=5432,%d,%d",
             ports[0], ports[1]);
    pass_over(&hosts, url);
    assert_string_equal(hosts.host, "b,/nowhere,localhost");
    assert_string_equal(hosts.hostaddr, "127.0.0.1,,127.0.0.1");
    snprintf(url, sizeof(url), "%d,5432,%d", ports[1], ports[0]);
    assert_string_equal(hosts.port, url);
    db_hosts_clear(&hosts);
}

static void
test_addresses_without_names_and_one_port_for_all(void **state)
{
    (void)state;
    struct db_hosts hosts = { 0 };
    char url[256];
    snprintf(url, sizeof(url), "hostaddr=127.0.0.1,127.0.0.2 port=%d", ports[0]);
    pass_over(&hosts, url);
    assert_string_equal(hosts.hostaddr, "127.0.0.2,127.0.0.1");
    assert_null(hosts.host);
    assert_null(hosts.port);
    db_hosts_clear(&hosts);
}

static void
test_a_single_host_stays(void **state)
{
    (void)state;
    struct db_hosts hosts = { 0 };
    char url[256];
    snprintf(url, sizeof(url), "host=127.0.0.1 port=%d", ports[0]);
    pass_over(&hosts, url);
    assert_null(hosts.host);
    assert_null(hosts.hostaddr);
    assert_null(hosts.port);
    db_hosts_clear(&hosts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_silent_host_becomes_the_last),
        cmocka_unit_test(test_hosts_before_the_silent_one_come_before_it),
        cmocka_unit_test(test_addresses_without_names_and_one_port_for_all),
        cmocka_unit_test(test_a_single_host_stays),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
