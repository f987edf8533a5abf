#include "server/client_address.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *
address_from(const char *proxies, const char *peer, const char *forwarded)
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
        head.field_count = 1;
        head.fields[0].name = (struct http_slice){ "X-Forwarded-For", 15 };
        head.fields[0].value = (struct http_slice){ forwarded, strlen(forwarded) };
    }
    struct client_address result;
    client_address_of(trusted, address, &head, &result);
    client_address_text(&result, text);
    trusted_proxies_free(trusted);
    return text;
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
    assert_string_equal(address_from("10.0.0.0/8", "10.1.2.3", "198.51.100.1:4711"), "10.1.2.3");
}

static void
test_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_loopback;
    } cases[] = { { "::1", true },     { "::ffff:127.0.0.1", true },  { "::ffff:127.9.9.9", true },
                  { "::2", false },    { "::ffff:192.0.2.1", false }, { "::127.0.0.1", false },
                  { "fe80::1", false } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client_address address = { .known = true };
        inet_pton(AF_INET6, cases[i].text, address.bytes);
        assert_int_equal(client_address_is_loopback(&address), cases[i].is_loopback);
        address.known = false;
        assert_false(client_address_is_loopback(&address));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_the_connection),
        cmocka_unit_test(test_only_trusted_proxies_are_believed),
        cmocka_unit_test(test_what_cannot_be_read_ends_the_walk),
        cmocka_unit_test(test_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
