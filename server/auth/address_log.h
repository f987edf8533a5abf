/* Limits the log of what clients do wrong to one line a minute for each address, so that a tool such as
 * fail2ban sees every address and no client can fill the log. An address is an IPv4 address or an IPv6 /64,
 * as in guess_throttle.h. Bounded: the latest 10 000 addresses are remembered, and all of them together may
 * have 600 lines a minute. Thread-safe. */
#ifndef SERVER_AUTH_ADDRESS_LOG_H
#define SERVER_AUTH_ADDRESS_LOG_H

#include "server/http/client_address.h"
#include <stdbool.h>
#include <stdint.h>

struct address_log;

struct address_log *address_log_new(void);
/* NULL is fine. */
void address_log_free(struct address_log *log);

/* Counts an event of that address. Returns whether a line may be logged now; then *ret_events says how many
 * events that line stands for: this one, and those since the last line of the address. */
bool address_log_is_due(struct address_log *log, const struct client_address *address, int64_t *ret_events);

#endif
