#include "common/public_address.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static enum public_address_kind
kind_of(const char *literal, const char *networks)
{
    enum public_address_kind kind;
    assert_true(public_address_of_literal(literal, networks, &kind));
    return kind;
}

static void
test_the_edges_of_every_private_range(void **state)
{
    (void)state;
    static const char *const inside[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.192",
        "192.0.2.255",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.255",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:0:0",
        "::ffff:8.8.8.8",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::10.1.2.3",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::808:808",
        "100::1",
        "2001::1",
        "2001:1ff:ffff::1",
        "2001:db8::1",
        "2002:808:808::1",
        "3fff:fff::1",
        "4000::1",
        "1fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    };
    static const char *const outside[] = {
        "1.0.0.0",         "9.255.255.255",    "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
        "126.255.255.255", "128.0.0.0",        "169.253.255.255", "169.255.0.0",     "172.15.255.255",
        "172.32.0.0",      "192.0.1.0",        "192.0.3.0",       "192.167.255.255", "192.169.0.0",
        "198.17.255.255",  "198.20.0.0",       "223.255.255.255", "168.63.129.15",   "2000::1",
        "2001:200::1",     "2001:db7::1",      "2001:db9::1",     "2003::1",         "2606:4700::1111",
        "3ffe::1",         "64:ff9b::8.8.8.8",
    };
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        if (kind_of(inside[i], "") != PUBLIC_ADDRESS_PRIVATE) {
            fail_msg("%s is private", inside[i]);
        }
    }
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        if (kind_of(outside[i], "") != PUBLIC_ADDRESS_PUBLIC) {
            fail_msg("%s is public", outside[i]);
        }
    }
}

static void
test_listed_networks(void **state)
{
    (void)state;
    static const char networks[] = "10.1.0.0/16,fd12::/32,127.0.0.1/32,::1/128";
    static const struct {
        const char *literal;
        enum public_address_kind kind;
    } cases[] = {
        { "10.1.255.255", PUBLIC_ADDRESS_LISTED },
        { "10.2.0.0", PUBLIC_ADDRESS_PRIVATE },
        { "127.0.0.1", PUBLIC_ADDRESS_LISTED },
        { "127.0.0.2", PUBLIC_ADDRESS_PRIVATE },
        { "::1", PUBLIC_ADDRESS_LISTED },
        { "::2", PUBLIC_ADDRESS_PRIVATE },
        { "fd12:0:1::1", PUBLIC_ADDRESS_LISTED },
        { "fd13::1", PUBLIC_ADDRESS_PRIVATE },
        { "8.8.8.8", PUBLIC_ADDRESS_PUBLIC },
        { "::ffff:10.1.0.1", PUBLIC_ADDRESS_PRIVATE },
        { "64:ff9b::10.1.0.1", PUBLIC_ADDRESS_PRIVATE },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(kind_of(cases[i].literal, networks), cases[i].kind);
    }
    assert_int_equal(kind_of("10.9.9.9", "0.0.0.0/0"), PUBLIC_ADDRESS_LISTED);
    assert_int_equal(kind_of("8.8.8.8", "8.8.0.0/16"), PUBLIC_ADDRESS_LISTED);
    assert_int_equal(kind_of("::1", "0.0.0.0/0"), PUBLIC_ADDRESS_PRIVATE); /* IPv4 only */
}

static void
test_socket_addresses(void **state)
{
    (void)state;
    struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    assert_int_equal(public_address_kind((const struct sockaddr *)&ipv4, ""), PUBLIC_ADDRESS_PRIVATE);
    assert_int_equal(public_address_kind((const struct sockaddr *)&ipv6, ""), PUBLIC_ADDRESS_PRIVATE);
    assert_int_equal(public_address_kind((const struct sockaddr *)&ipv6, "::1/128"), PUBLIC_ADDRESS_LISTED);
    assert_int_equal(public_address_kind((const struct sockaddr *)&local, "0.0.0.0/0,::/0"),
                     PUBLIC_ADDRESS_PRIVATE);
    ipv4.sin_addr.s_addr = htonl(0x08080808);
    assert_int_equal(public_address_kind((const struct sockaddr *)&ipv4, ""), PUBLIC_ADDRESS_PUBLIC);
}

static void
test_what_is_no_literal(void **state)
{
    (void)state;
    static const char *const others[] = { "",         "example.com", "127.1",      "2130706433", "0x7f.0.0.1",
                                          "1.2.3.4 ", "[::1]",       "fe80::1%lo", "010.1.1.1.1" };
    enum public_address_kind kind;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(public_address_of_literal(others[i], "", &kind));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_edges_of_every_private_range),
        cmocka_unit_test(test_listed_networks),
        cmocka_unit_test(test_socket_addresses),
        cmocka_unit_test(test_what_is_no_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
