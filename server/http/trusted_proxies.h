/* The proxies whose word on a client's address is believed, and the address that follows from it. */
#ifndef SERVER_HTTP_TRUSTED_PROXIES_H
#define SERVER_HTTP_TRUSTED_PROXIES_H

#include "server/http/client_address.h"
#include "server/http/head.h"
#include <sys/socket.h>

struct trusted_proxies;

/* `cidrs` as config gives them: comma-separated, each with a prefix length, or "". */
struct trusted_proxies *trusted_proxies_new(const char *cidrs);
/* NULL is fine. */
void trusted_proxies_free(struct trusted_proxies *proxies);

/* The address that a request comes from: the connection's peer or, if that is a trusted proxy, the last
 * address in X-Forwarded-For that is not a trusted proxy's. Forwarded (RFC 7239) is read only if there is no
 * X-Forwarded-For, because a proxy that sets one may forward the other unchanged. A port after an address is
 * ignored. The peer of a unix socket is a trusted proxy if any address is trusted. `head` may be NULL.
 *
 * Logs, once a minute, that a peer which is not trusted has sent one of these fields: behind a proxy that is
 * not trusted, all clients have the address of the proxy and share its limits. Thread-safe. */
void trusted_proxies_client(struct trusted_proxies *proxies, const struct sockaddr *peer,
                            const struct http_head *head, struct client_address *ret_address);

/* Whether one of the networks has the address. */
bool trusted_proxies_trust(const struct trusted_proxies *proxies, const struct client_address *address);

#endif
