/* A limit on something unwanted from one client address (an IPv4 address, an IPv6 /64): `burst` at once, then
 * one each `seconds`. Every call is from any thread.
 *
 * For tokens that fail: before a token that is not remembered as good costs a query and an argon2, ask
 * address_limit_wait(); when it turns out wrong, address_limit_count(). Good tokens are never counted, and
 * remembered ones never asked about, so whoever shares the address goes on working. Tokens in flight are not
 * counted: their secret cannot be guessed, and the hasher's queue bounds what they cost. */
#ifndef SERVER_ADDRESS_LIMIT_H
#define SERVER_ADDRESS_LIMIT_H

#include "server/client_address.h"

struct address_limit;

struct address_limit_options {
    int64_t burst;   /* at least 1 */
    int64_t seconds; /* at least 1 */
    size_t capacity; /* the most addresses that are remembered */
};

#define ADDRESS_LIMIT_FAILED_TOKENS                                                                          \
    ((struct address_limit_options){ .burst = 60, .seconds = 1, .capacity = 65536 })

struct address_limit *address_limit_new(const struct address_limit_options *options);
/* NULL is fine. */
void address_limit_free(struct address_limit *limit);

/* 0 when the address is within its limit, else the seconds until it is again (for Retry-After). */
int64_t address_limit_wait(struct address_limit *limit, const struct client_address *address);

/* One more. Beyond the burst nothing is added, so the wait never exceeds `seconds`. */
void address_limit_count(struct address_limit *limit, const struct client_address *address);

#endif
