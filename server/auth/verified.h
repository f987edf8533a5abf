/* A cache of argon2 results, so that a token costs argon2 once, and not with every request. It maps a digest
 * of the whole token, under a key that is random per process, to the token's id; the token itself is not
 * kept. Whether the token is still valid is not cached here: that is for the gate to decide.
 *
 * The next process of a server may take the results over, with their key (server/auth/hand_over.h).
 *
 * Right and wrong secrets have separate bounds, so that a flood of wrong ones evicts no right one.
 * Thread-safe. */
#ifndef SERVER_AUTH_VERIFIED_H
#define SERVER_AUTH_VERIFIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFIED_SECRET_SIZE 32

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

/* --- for the hand-over --- */

/* The key of the digests. */
const unsigned char *verified_secret(const struct verified *verified);
/* Only while nothing is remembered, and before other threads use `verified`. */
void verified_set_secret(struct verified *verified, const unsigned char secret[VERIFIED_SECRET_SIZE]);

typedef void verified_visitor(const struct verified_key *key, int64_t token_id, void *argument);

/* Calls `visit` for each right secret, those that go first from the cache first. It must not use `verified`.
 */
void verified_visit_good(struct verified *verified, verified_visitor *visit, void *argument);

#endif
