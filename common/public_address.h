/* Which addresses of the network the service may call on behalf of a user: those of the public internet, and
 * those in networks that the operator lists. Everything else (the machine itself, its neighbours, the
 * metadata services of clouds) a user could reach through us only (server-side request forgery). */
#ifndef COMMON_PUBLIC_ADDRESS_H
#define COMMON_PUBLIC_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

enum public_address_kind {
    PUBLIC_ADDRESS_PRIVATE, /* anything that is neither of the others, and other families than IP */
    PUBLIC_ADDRESS_PUBLIC,
    PUBLIC_ADDRESS_LISTED /* in one of the networks, whether public or not */
};

/* By the IANA registries of special-purpose addresses (RFC 6890). An address of 64:ff9b::/96 (NAT64, RFC
 * 6052) is of the kind of the IPv4 address in it; other addresses that lead to one (IPv4-mapped, 6to4,
 * Teredo) are private. `networks` are CIDRs as config gives them: comma-separated, each with a prefix length,
 * or "". */
enum public_address_kind public_address_kind(const struct sockaddr *address, const char *networks);

/* The same for a literal: "192.0.2.7" or "2001:db8::7", nothing else. False when it is no literal. */
bool public_address_of_literal(const char *literal, const char *networks, enum public_address_kind *ret_kind);

#endif
