/* Slows the guessing of secrets: passwords of accounts, and secrets of tokens whose look-up id is known. Two
 * budgets of failures for each kind, which refill with time:
 *
 *                            passwords                      tokens
 *   per address              20, then one every 10 s        60, then one a second
 *   per address and target    5, then one a minute          10, then one every 10 s
 *
 * An address is an IPv4 address or an IPv6 /64; a target is an account or a look-up id. There is deliberately
 * no budget per target alone: whoever exhausts it would lock its owner out. For the same reason a token that
 * was proven before is never stopped here. Targets that do not exist are treated alike. Wrong tokens of one
 * address that were under way at once may overdraw its budget; then it waits until that is made up for, ten
 * minutes at most. Bounded memory: the budgets used longest ago go first, and a guess that is refused takes
 * no room. Thread-safe. */
#ifndef SERVER_AUTH_GUESS_THROTTLE_H
#define SERVER_AUTH_GUESS_THROTTLE_H

#include "server/http/client_address.h"

struct guess_throttle;

enum guess_kind { GUESS_PASSWORD, GUESS_TOKEN, GUESS_KIND_COUNT };

struct guess_throttle *guess_throttle_new(void);
/* NULL is fine. */
void guess_throttle_free(struct guess_throttle *throttle);

/* Before a guess is checked: how many seconds until one more is allowed; 0: now, and then it is charged, so
 * that those under way at once count, too. A token is charged to its target alone, as many different ones are
 * proven for one address when a server has just started. ASCII case of `target` is ignored in an account, and
 * counts in a look-up id. */
int64_t guess_begin(struct guess_throttle *throttle, enum guess_kind kind,
                    const struct client_address *address, const char *target);

/* Afterwards, one of these. The guess was wrong: a token is charged to its address as well. */
void guess_failed(struct guess_throttle *throttle, enum guess_kind kind, const struct client_address *address,
                  const char *target);

/* The secret was right, or was not checked after all: gives back what guess_begin() charged. */
void guess_refund(struct guess_throttle *throttle, enum guess_kind kind, const struct client_address *address,
                  const char *target);

#endif
