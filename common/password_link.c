#include "common/password_link.h"
#include <stdio.h>
#include <string.h>

void
password_link_make(char ret_secret[PASSWORD_LINK_SECRET_SIZE], unsigned char ret_digest[SECRET_DIGEST_SIZE])
{
    secret_random_base62(ret_secret, PASSWORD_LINK_LENGTH);
    secret_digest(ret_secret, PASSWORD_LINK_LENGTH, NULL, ret_digest);
}

bool
password_link_digest(const char *secret, size_t length, unsigned char ret_digest[SECRET_DIGEST_SIZE])
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if (length != PASSWORD_LINK_LENGTH || strspn(secret, letters) != length) {
        return false;
    }
    secret_digest(secret, length, NULL, ret_digest);
    return true;
}

void
password_link_write(const char *public_url, const char *secret, char ret_link[PASSWORD_LINK_SIZE])
{
    snprintf(ret_link, PASSWORD_LINK_SIZE, "%s" PASSWORD_LINK_PATH "#%s", public_url, secret);
}
