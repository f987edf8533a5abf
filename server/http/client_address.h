/* The address a request comes from: the other end of its connection, or, when that is a trusted proxy, the
 * last address in X-Forwarded-For that is none. Forwarded (RFC 7239) is read when there is no
 * X-Forwarded-For: a proxy may pass on the one that it does not write. A port behind an address means
 * nothing. */
#ifndef SERVER_HTTP_CLIENT_ADDRESS_H
#define SERVER_HTTP_CLIENT_ADDRESS_H

#include "server/http/head.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

struct trusted_proxies;

struct client_address {
    bool known;              /* false for a unix socket without a trusted proxy's word */
    unsigned char bytes[16]; /* IPv6, or IPv4 mapped into it (RFC 4291 §2.5.5.2) */
};

/* The address as PostgreSQL's inet reads it; "" when unknown. */
#define CLIENT_ADDRESS_SIZE INET6_ADDRSTRLEN
void client_address_text(const struct client_address *address, char ret_text[CLIENT_ADDRESS_SIZE]);

/* One of this machine's own. */
bool client_address_is_loopback(const struct client_address *address);

/* `cidrs` as config gives them: comma-separated, each with a prefix length, or "". */
struct trusted_proxies *trusted_proxies_new(const char *cidrs);
/* NULL is fine. */
void trusted_proxies_free(struct trusted_proxies *proxies);

/* A unix socket is a proxy's, trusted when any is. `head` may be NULL. */
void client_address_of(const struct trusted_proxies *proxies, const struct sockaddr *peer,
                       const struct http_head *head, struct client_address *ret_address);

#endif
