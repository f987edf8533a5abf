#include "worker/delivery/webhook_signature.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SECRET_PREFIX    "whsec_"
#define KEY_BYTES_MAX    64
#define SIGNATURE_BASE64 (WEBHOOK_SIGNATURE_SIZE - 3)

static void
add(crypto_auth_hmacsha256_state *state, const char *text)
{
    crypto_auth_hmacsha256_update(state, (const unsigned char *)text, strlen(text));
}

bool
webhook_signature(const char *secret, const char *id, const char *timestamp, const char *body,
                  char ret_signature[WEBHOOK_SIGNATURE_SIZE])
{
    unsigned char key[KEY_BYTES_MAX], digest[crypto_auth_hmacsha256_BYTES];
    size_t prefix = strlen(SECRET_PREFIX), length;
    if (strncmp(secret, SECRET_PREFIX, prefix) != 0 ||
        sodium_base642bin(key, sizeof(key), secret + prefix, strlen(secret + prefix), NULL, &length, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        length == 0) {
        return false;
    }
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, length);
    add(&state, id);
    add(&state, ".");
    add(&state, timestamp);
    add(&state, ".");
    add(&state, body);
    crypto_auth_hmacsha256_final(&state, digest);
    snprintf(ret_signature, WEBHOOK_SIGNATURE_SIZE, "v1,");
    sodium_bin2base64(ret_signature + 3, SIGNATURE_BASE64, digest, sizeof(digest),
                      sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(key, sizeof(key));
    sodium_memzero(&state, sizeof(state));
    return true;
}
