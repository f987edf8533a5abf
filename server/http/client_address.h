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

/* Whether it is one of this machine's own. */
bool client_address_is_loopback(const struct client_address *address);

#endif
