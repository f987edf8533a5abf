/* The address of a client. */
#ifndef SERVER_HTTP_CLIENT_ADDRESS_H
#define SERVER_HTTP_CLIENT_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

struct client_address {
    bool known;              /* false for a unix socket */
    unsigned char bytes[16]; /* IPv6, or IPv4 mapped into it (RFC 4291 §2.5.5.2) */
};

/* The other end of a connection. */
void client_address_of_peer(const struct sockaddr *peer, struct client_address *ret_address);

/* Reads an IPv4 or IPv6 address. False, and *ret_address unchanged, when the text is not one. */
bool client_address_parse(const char *text, struct client_address *ret_address);

/* The address as PostgreSQL's inet reads it; "" when unknown. */
#define CLIENT_ADDRESS_SIZE INET6_ADDRSTRLEN
void client_address_text(const struct client_address *address, char ret_text[CLIENT_ADDRESS_SIZE]);

/* The address without the translation in between: the IPv4 address (mapped) within an address of NAT64
 * (64:ff9b::/96, RFC 6052; 64:ff9b:1::/48 with the address in the last 32 bits, RFC 8215), 6to4 (2002::/16,
 * RFC 3056) or Teredo (2001::/32, RFC 4380); any other address unchanged. For telling clients apart, not for
 * trusting them: a network may route such an address from anywhere. */
struct client_address client_address_untranslated(const struct client_address *address);

bool client_address_is_v4(const struct client_address *address);

/* Whether it is one of this machine's own. */
bool client_address_is_loopback(const struct client_address *address);

#endif
