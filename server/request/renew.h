/* Renews hashes: when a secret has just been proven against a hash of another cost than the configured one,
 * it is hashed again in the background, and the new hash replaces the old. No request waits for it; after a
 * failure, the next proof tries again. */
#ifndef SERVER_REQUEST_RENEW_H
#define SERVER_REQUEST_RENEW_H

#include "server/loop.h"

/* `encoded` is the hash that the secret was proven against. Everything is copied. */
void renew_token_hash(struct loop *loop, int64_t token_id, const char *encoded, const char *token,
                      size_t length);
void renew_password_hash(struct loop *loop, int64_t user_id, const char *encoded, const char *password,
                         size_t length);

#endif
