#include "server/http/trusted_proxies.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *
address_by(const char *proxies, const char *peer, const char *name, const char *forwarded,
           const char *other_name, const char *other)
{
    static char text[CLIENT_ADDRESS_SIZE];
    struct trusted_proxies *trusted = trusted_proxies_new(proxies);
    struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
    struct sockaddr_in four = { .sin_family = AF_INET };
    struct sockaddr local = { .sa_family = AF_UNIX };
    const struct sockaddr *address = &local;
    if (peer && inet_pton(AF_INET, peer, &four.sin_addr) == 1) {
        address = (const struct sockaddr *)(const void *)&four;
    } else if (peer && inet_pton(AF_INET6, peer, &six.sin6_addr) == 1) {
        address = (const struct sockaddr *)(const void *)&six;
    }
    static struct http_head head;
    memset(&head, 0, sizeof(head));
    if (forwarded) {
        head.fields[head.field_count].name = (struct http_slice){ name, strlen(name) };
        head.fields[head.field_count++].value = (struct http_slice){ forwarded, strlen(forwarded) };
    }
    if (other) {
        head.fields[head.field_count].name = (struct http_slice){ other_name, strlen(other_name) };
        head.fields[head.field_count++].value = (struct http_slice){ other, strlen(other) };
    }
    struct client_address result;
    trusted_proxies_client(trusted, address, &head, &result);
    client_address_text(&result, text);
    trusted_proxies_free(trusted);
    return text;
}

static const char *
address_from(const char *proxies, const char *peer, const char *forwarded)
{
    return address_by(proxies, peer, "X-Forwarded-For", forwarded, NULL, NULL);
}

static void
test_of_the_connection(void **state)
{
    (void)state;
    assert_string_equal(address_from("", "192.0.2.7", NULL), "192.0.2.7");
    assert_string_equal(address_from("", "2001:db8::7", NULL), "2001:db8::7");
    assert_string_equal(address_from("", "::ffff:192.0.2.7", NULL), "192.0.2.7");
    assert_string_equal(address_from("", NULL, NULL), "");
}

static void
test_only_trusted_proxies_are_believed(void **state)
{
    (void)state;
    assert_string_equal(address_from("", "192.0.2.7", "198.51.100.1"), "192.0.2.7");
    assert_string_equal(address_from("10.0.0.0/8", "192.0.2.7", "198.51.100.1"), "192.0.2.7");
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", "198.51.100.1"), "198.51.100.1");
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", "203.0.113.5, 198.51.100.1, 10.9.9.9"),
                        "198.51.100.1");
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", "10.0.0.1, 10.0.0.2"), "10.0.0.1");
    assert_string_equal(address_from("2001:db8::/32", "2001:db8::1", "[2001:db9::5]"), "2001:db9::5");
    assert_string_equal(address_from("::ffff:10.0.0.0/104", "10.1.2.3", "198.51.100.1"), "198.51.100.1");
    assert_string_equal(address_from("::ffff:10.0.0.0/104", "11.1.2.3", "198.51.100.1"), "11.1.2.3");
    assert_string_equal(address_from("127.0.0.1/32", NULL, "198.51.100.1"), "198.51.100.1");
}

static void
test_what_cannot_be_read_ends_the_walk(void **state)
{
    (void)state;
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", "198.51.100.1, unknown"), "10.1.2.3");
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", "198.51.100.1, _hidden, 10.0.0.4"),
                        "10.0.0.4");
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", ""), "10.1.2.3");
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", "198.51.100.1:port"), "10.1.2.3");
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", "[2001:db8::1]x"), "10.1.2.3");
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", "[2001:db8::1"), "10.1.2.3");
}

static void
test_a_port_means_nothing(void **state)
{
    (void)state;
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", "198.51.100.1:4711, 10.0.0.4:80"),
                        "198.51.100.1");
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", "[2001:db8::1]:4711"), "2001:db8::1");
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", "2001:db8::1"), "2001:db8::1");
}

/* RFC 7239 §4 and §6. */
static void
test_forwarded_is_read_where_nothing_else_is(void **state)
{
    (void)state;
    static const struct {
        const char *value, *address;
    } cases[] = {
        { "for=198.51.100.1", "198.51.100.1" },
        { "For=\"198.51.100.1:4711\"", "198.51.100.1" },
        { "for=\"[2001:db8::1]:4711\";proto=https", "2001:db8::1" },
        { "proto=http; by=10.0.0.9 ;for=198.51.100.1", "198.51.100.1" },
        { "for=203.0.113.5, for=198.51.100.1;proto=http, for=10.9.9.9", "198.51.100.1" },
        { "for=198.51.100.1, for=unknown", "10.1.2.3" },
        { "for=198.51.100.1, for=_hidden", "10.1.2.3" },
        { "by=198.51.100.1", "10.1.2.3" },
        { "for=", "10.1.2.3" },
        { "for=\"\"", "10.1.2.3" },
        { ";;,,", "10.1.2.3" },
        { "", "10.1.2.3" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(address_by("10.0.0.0/8", "10.1.2.3", "forwarded", cases[i].value, NULL, NULL),
                            cases[i].address);
    }
    assert_string_equal(address_by("10.0.0.0/8", "192.0.2.7", "Forwarded", "for=198.51.100.1", NULL, NULL),
                        "192.0.2.7");
    assert_string_equal(address_by("10.0.0.0/8", "10.1.2.3", "Forwarded", "for=198.51.100.1",
                                   "X-Forwarded-For", "203.0.113.5"),
                        "203.0.113.5");
    assert_string_equal(
        address_by("10.0.0.0/8", "10.1.2.3", "Forwarded", "for=198.51.100.1", "Forwarded", "for=10.0.0.4"),
        "198.51.100.1");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_the_connection),
        cmocka_unit_test(test_only_trusted_proxies_are_believed),
        cmocka_unit_test(test_what_cannot_be_read_ends_the_walk),
        cmocka_unit_test(test_a_port_means_nothing),
        cmocka_unit_test(test_forwarded_is_read_where_nothing_else_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
