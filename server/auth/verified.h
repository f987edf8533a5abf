/* A cache of argon2 results, so that a token costs argon2 once, and not with every request. It maps a digest
 * of the whole token, under a key that is random per process, to the token's id; the token itself is not
 * kept. Whether the token is still valid is not cached here: that is for the gate to decide.
 *
 * Right and wrong secrets have separate bounds, so that a flood of wrong ones evicts no right one.
 * Thread-safe. */
#ifndef SERVER_AUTH_VERIFIED_H
#define SERVER_AUTH_VERIFIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct verified;

struct verified_key {
    unsigned char bytes[32];
};

enum verified_answer { VERIFIED_UNKNOWN, VERIFIED_GOOD, VERIFIED_WRONG };

struct verified *verified_new(size_t good_capacity, size_t wrong_capacity);
/* NULL is fine. */
void verified_free(struct verified *verified);

void verified_key_of(const struct verified *verified, const char *token, size_t length,
                     struct verified_key *ret_key);

/* `ret_token_id` is set on VERIFIED_GOOD only. */
enum verified_answer verified_find(struct verified *verified, const struct verified_key *key,
                                   int64_t *ret_token_id);

/* Returns whether this was not known yet. When several threads store the same at once, one of them gets true.
 */
bool verified_remember(struct verified *verified, const struct verified_key *key, enum verified_answer answer,
                       int64_t token_id);

#endif
