/* Asks a running program whether it is ready, for health checks in containers that have no other client. */
#ifndef COMMON_HEALTH_H
#define COMMON_HEALTH_H

#include <stddef.h>

/* Sends GET /readyz to `address` (host:port, [v6]:port or unix:/path; without a host, or with the wildcard
 * address, to the loopback address) and waits `timeout_ms` at most, apart from resolving a name. Returns 0
 * when the answer's status is 200; otherwise -1 and one line in `ret_error`. */
int health_ask(const char *address, int timeout_ms, char *ret_error, size_t error_size);

#endif
