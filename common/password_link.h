/* The links that set a person's password. The secret stands in the fragment, which a browser sends to no
 * server: neither logs nor the Referer field have it. Only its digest is stored. */
#ifndef COMMON_PASSWORD_LINK_H
#define COMMON_PASSWORD_LINK_H

#include "common/secret.h"
#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_LINK_PATH        "/set-password"
#define PASSWORD_LINK_LENGTH      43 /* of a secret: base62, 256 bits */
#define PASSWORD_LINK_SECRET_SIZE (PASSWORD_LINK_LENGTH + 1)
#define PASSWORD_LINK_SIZE        512 /* of a whole link; the address of a service has 255 bytes at most */

/* Makes a secret and its digest. The caller wipes the secret. */
void password_link_make(char ret_secret[PASSWORD_LINK_SECRET_SIZE],
                        unsigned char ret_digest[SECRET_DIGEST_SIZE]);

/* The digest of a secret that was presented. False when no link can have it. */
bool password_link_digest(const char *secret, size_t length, unsigned char ret_digest[SECRET_DIGEST_SIZE]);

/* Writes the link. The caller wipes it. */
void password_link_write(const char *public_url, const char *secret, char ret_link[PASSWORD_LINK_SIZE]);

#endif
