/* Slows the guessing of passwords. Two budgets of failures, each a bucket that refills with time:
 *
 *   per address             20 failures, then one every 10 s
 *   per account and address  5 failures, then one a minute
 *
 * An address is an IPv4 address or an IPv6 /64. There is deliberately no budget per account alone: whoever
 * exhausts it would lock the account's owner out. A distributed guesser gets 5 guesses an address. A try is
 * charged when it begins and given back when it succeeds, so that parallel guesses count, too. Accounts that
 * do not exist are treated alike. Bounded memory: the buckets touched longest ago go first. Thread-safe. */
#ifndef SERVER_SIGN_IN_THROTTLE_H
#define SERVER_SIGN_IN_THROTTLE_H

#include "server/client_address.h"

struct sign_in_throttle;

struct sign_in_decision {
    bool allowed;
    int64_t retry_after_seconds; /* when not allowed */
};

struct sign_in_throttle *sign_in_throttle_new(void);
/* NULL is fine. */
void sign_in_throttle_free(struct sign_in_throttle *throttle);

/* Charges one try, if there is budget. ASCII case of `email` is ignored. */
struct sign_in_decision sign_in_allowed(struct sign_in_throttle *throttle,
                                        const struct client_address *address, const char *email);

/* Gives back what sign_in_allowed() charged: the password was right, or was not even checked. */
void sign_in_refund(struct sign_in_throttle *throttle, const struct client_address *address,
                    const char *email);

#endif
