/* Hashes at the configured cost: when a secret has just been proven against a hash of another cost, a new one
 * is made beside the request and replaces it. Nothing waits for it; what fails is tried at the next proof. */
#ifndef SERVER_REQUEST_RENEW_H
#define SERVER_REQUEST_RENEW_H

#include "server/loop.h"

/* `encoded` is the hash that was proven, of the token or of the user's password; everything is copied. */
void renew_token_hash(struct loop *loop, int64_t token_id, const char *encoded, const char *token,
                      size_t length);
void renew_password_hash(struct loop *loop, int64_t user_id, const char *encoded, const char *password,
                         size_t length);

#endif
