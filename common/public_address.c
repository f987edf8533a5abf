#include "common/public_address.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct range {
    const char *first;
    int bits;
};

/* IANA's registry of special-purpose addresses (RFC 6890), with multicast, the former class E, and the
 * address of Azure's host, which is public by its number only. */
static const struct range private_ipv4[] = {
    { "0.0.0.0", 8 },        { "10.0.0.0", 8 },     { "100.64.0.0", 10 },  { "127.0.0.0", 8 },
    { "168.63.129.16", 32 }, { "169.254.0.0", 16 }, { "172.16.0.0", 12 },  { "192.0.0.0", 24 },
    { "192.0.2.0", 24 },     { "192.88.99.0", 24 }, { "192.168.0.0", 16 }, { "198.18.0.0", 15 },
    { "198.51.100.0", 24 },  { "203.0.113.0", 24 }, { "224.0.0.0", 4 },    { "240.0.0.0", 4 },
};

/* Of 2000::/3, the only part of IPv6 that is routed on the internet (RFC 4291 §2.4): Teredo, ORCHID and
 * other protocol assignments, documentation, 6to4. */
static const struct range private_ipv6[] = {
    { "2001::", 23 },
    { "2001:db8::", 32 },
    { "2002::", 16 },
    { "3fff::", 20 },
};

#define IPV6_GLOBAL ((struct range){ "2000::", 3 })
#define IPV6_NAT64  ((struct range){ "64:ff9b::", 96 })

#define IPV4_BYTES 4
#define IPV6_BYTES 16

static bool
is_within(const unsigned char *address, const unsigned char *first, int bits)
{
    size_t whole = (size_t)bits / 8;
    int rest = bits % 8;
    unsigned char mask = (unsigned char)(0xFF00 >> rest);
    return memcmp(address, first, whole) == 0 &&
           (rest == 0 || (address[whole] & mask) == (first[whole] & mask));
}

static bool
is_in_range(int family, const unsigned char *address, const struct range *range)
{
    unsigned char first[IPV6_BYTES];
    return inet_pton(family, range->first, first) == 1 && is_within(address, first, range->bits);
}

static bool
is_in_one(int family, const unsigned char *address, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_in_range(family, address, &ranges[i])) {
            return true;
        }
    }
    return false;
}

/* Whether one of the CIDRs has the address. */
static bool
is_listed(int family, const unsigned char *address, const char *networks)
{
    int bits_most = family == AF_INET ? 8 * IPV4_BYTES : 8 * IPV6_BYTES;
    while (*networks) {
        char first[INET6_ADDRSTRLEN];
        size_t length = strcspn(networks, ","), slash = strcspn(networks, "/,");
        if (slash < length && slash < sizeof(first)) {
            memcpy(first, networks, slash);
            first[slash] = '\0';
            const struct range range = { first, (int)strtol(networks + slash + 1, NULL, 10) };
            if (range.bits >= 0 && range.bits <= bits_most && is_in_range(family, address, &range)) {
                return true;
            }
        }
        networks += length + (networks[length] == ',');
    }
    return false;
}

static bool
is_public_ipv4(const unsigned char *address)
{
    return !is_in_one(AF_INET, address, private_ipv4, sizeof(private_ipv4) / sizeof(private_ipv4[0]));
}

static bool
is_public_ipv6(const unsigned char *address)
{
    if (is_in_range(AF_INET6, address, &IPV6_NAT64)) {
        return is_public_ipv4(address + IPV6_BYTES - IPV4_BYTES);
    }
    return is_in_range(AF_INET6, address, &IPV6_GLOBAL) &&
           !is_in_one(AF_INET6, address, private_ipv6, sizeof(private_ipv6) / sizeof(private_ipv6[0]));
}

static enum public_address_kind
kind_of(int family, const unsigned char *address, const char *networks)
{
    if (is_listed(family, address, networks)) {
        return PUBLIC_ADDRESS_LISTED;
    }
    bool is_public = family == AF_INET ? is_public_ipv4(address) : is_public_ipv6(address);
    return is_public ? PUBLIC_ADDRESS_PUBLIC : PUBLIC_ADDRESS_PRIVATE;
}

enum public_address_kind
public_address_kind(const struct sockaddr *address, const char *networks)
{
    unsigned char bytes[IPV6_BYTES];
    if (address->sa_family == AF_INET) {
        memcpy(bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, IPV4_BYTES);
    } else if (address->sa_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, IPV6_BYTES);
    } else {
        return PUBLIC_ADDRESS_PRIVATE;
    }
    return kind_of(address->sa_family, bytes, networks);
}

bool
public_address_of_literal(const char *literal, const char *networks, enum public_address_kind *ret_kind)
{
    unsigned char bytes[IPV6_BYTES];
    int family = strchr(literal, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, literal, bytes) != 1) {
        return false;
    }
    *ret_kind = kind_of(family, bytes, networks);
    return true;
}
