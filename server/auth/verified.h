/* Bounded memory of argon2 results, so that a token costs argon2 once and not with every request. It maps a
 * keyed digest of the whole token, under a key that is random per process, to the token's id; the token
 * itself is not kept. Whether the token lives is not remembered here: that is the gate's question.
 *
 * Right and wrong secrets are bounded apart, what was not used for long goes first, so that a flood of wrong
 * ones pushes no right one out. Thread-safe. */
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

/* Whether that is news: of many who were told the same at once, one is told so. */
bool verified_remember(struct verified *verified, const struct verified_key *key, enum verified_answer answer,
                       int64_t token_id);

#endif
