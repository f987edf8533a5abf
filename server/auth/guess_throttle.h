/* Slows down guessing: of passwords, and of the secrets of tokens whose look-up id is known. Each kind has
 * budgets of failures, which refill with time. Reports of leaked tokens have budgets, too, of which each
 * report takes its part, also one that is right:
 *
 *                            passwords                  tokens                    leaks
 *   per address              20, then one every 10 s    60, then one a second     30, then one every 2 s
 *   per IPv6 /56             40, then one every 5 s    120, then two a second     60, then one a second
 *   per IPv6 /48             80, then one every 2.5 s  240, then four a second   120, then two a second
 *   reserve of an address    10, then one every 30 s    20, then one every 2 s     1, then one every 30 s
 *   per address and target    5, then one a minute      10, then one every 10 s    5, then one a minute
 *
 * A service that introspects shows what its clients have shown to it, so the address says nothing about who
 * guesses. Introspections have the budget of tokens per address and target, and no other: one client of a
 * service must not lock the others out.
 *
 * An address is an IPv4 address or an IPv6 /64; the IPv4 address within one of NAT64, 6to4 or Teredo counts
 * as itself. A target is an account or a look-up id, whether it exists or not. There is deliberately no
 * budget per target alone: an attacker who exhausted it would lock the owner out. For the same reason, a
 * token that was proven before is not throttled.
 *
 * Several people may share an address, so a client that spends its budgets must not lock the others out:
 *
 *   - The first try of an address and a target passes on the reserve, when nothing but the budgets of the
 *     address and its networks is spent. The reserve belongs to the widest network, so that a /48 has one.
 *   - No wait is longer than a minute. Wrong tokens of one address that are checked at the same time may
 *     overdraw its budget; the debt is bounded accordingly.
 *
 * Bounded memory: the budget used longest ago is evicted first, and a refused guess takes no room.
 * Thread-safe. */
#ifndef SERVER_AUTH_GUESS_THROTTLE_H
#define SERVER_AUTH_GUESS_THROTTLE_H

#include "server/http/client_address.h"
#include <stdbool.h>
#include <stdint.h>

struct guess_throttle;

enum guess_kind { GUESS_PASSWORD, GUESS_TOKEN, GUESS_LEAK, GUESS_INTROSPECTION, GUESS_KIND_COUNT };

/* One guess, from its beginning to its settlement. In an account, the ASCII case of `target` is ignored; in a
 * look-up id it counts. */
struct guess {
    enum guess_kind kind;
    const struct client_address *address;
    const char *target;
    bool on_reserve; /* set by begin */
};

struct guess_throttle *guess_throttle_new(void);
/* NULL is fine. */
void guess_throttle_free(struct guess_throttle *throttle);

/* Call before a guess is checked. Returns the seconds until one more is allowed, and 0 when it is now; then
 * the guess is charged at once, so that guesses under way at the same time count. A token on the budget is
 * charged to its target alone: a server that has just started proves many different tokens of one address. */
int64_t guess_throttle_begin(struct guess_throttle *throttle, struct guess *guess);

/* Call once after each begin that returned 0, with the same guess. With `was_wrong`, a token is charged to
 * its address as well; otherwise (the secret was right, or was not checked after all) the charge is given
 * back. */
void guess_throttle_settle(struct guess_throttle *throttle, const struct guess *guess, bool was_wrong);

#endif
