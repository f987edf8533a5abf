#include "common/secret.h"
#include <argon2.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SALT_LENGTH    16
#define TAG_LENGTH     32
#define MEMORY_MAX_KIB (1024 * 1024)
#define TIME_MAX       64
#define LANES_MAX      16

_Static_assert(SECRET_DIGEST_SIZE == crypto_generichash_BYTES, "BLAKE2b-256");

void
secret_setup(void)
{
    if (sodium_init() < 0) {
        abort();
    }
}

int
secret_hash(const char *secret, size_t length, const struct secret_cost *cost,
            char ret_encoded[SECRET_HASH_SIZE])
{
    unsigned char salt[SALT_LENGTH];
    char encoded[SECRET_HASH_SIZE];
    secret_random(salt, sizeof(salt));
    int outcome = argon2id_hash_encoded(cost->time, cost->memory_kib, cost->parallelism, secret, length, salt,
                                        sizeof(salt), TAG_LENGTH, encoded, sizeof(encoded));
    if (outcome == ARGON2_OK) {
        memcpy(ret_encoded, encoded, sizeof(encoded));
    }
    secret_wipe(encoded, sizeof(encoded));
    return outcome == ARGON2_OK ? 0 : -1;
}

/* Reads the costs of "$argon2id$v=19$m=19456,t=2,p=1$salt$tag"; false when they exceed our limits. */
static bool
read_cost(const char *encoded, struct secret_cost *ret_cost)
{
    struct secret_cost cost;
    int end = 0;
    if (strlen(encoded) >= SECRET_HASH_SIZE ||
        /* NOLINTNEXTLINE(cert-err34-c): nine digits fit */
        sscanf(encoded, "$argon2id$v=19$m=%9u,t=%9u,p=%9u$%n", &cost.memory_kib, &cost.time,
               &cost.parallelism, &end) != 3 ||
        end == 0) {
        return false;
    }
    *ret_cost = cost;
    return cost.memory_kib <= MEMORY_MAX_KIB && cost.time <= TIME_MAX && cost.parallelism <= LANES_MAX;
}

enum secret_result
secret_verify(const char *encoded, const char *secret, size_t length)
{
    struct secret_cost cost;
    if (!read_cost(encoded, &cost)) {
        return SECRET_MALFORMED;
    }
    switch (argon2id_verify(encoded, secret, length)) {
    case ARGON2_OK:
        return SECRET_MATCH;
    case ARGON2_VERIFY_MISMATCH:
        return SECRET_MISMATCH;
    default:
        return SECRET_MALFORMED;
    }
}

bool
secret_needs_rehash(const char *encoded, const struct secret_cost *cost)
{
    struct secret_cost found;
    return !read_cost(encoded, &found) || found.memory_kib != cost->memory_kib || found.time != cost->time ||
           found.parallelism != cost->parallelism;
}

bool
secret_imitate_cost(const char *encoded, const char *cost, char ret_encoded[SECRET_HASH_SIZE])
{
    static const char head[] = "$argon2id$v=19$";
    char made[SECRET_HASH_SIZE];
    struct secret_cost read;
    if (strncmp(encoded, head, sizeof(head) - 1) != 0 || strchr(cost, '$')) {
        return false;
    }
    const char *rest = strchr(encoded + sizeof(head) - 1, '$');
    int length = rest ? snprintf(made, sizeof(made), "%s%s%s", head, cost, rest) : -1;
    if (length < 0 || length >= (int)sizeof(made) || !read_cost(made, &read)) {
        return false;
    }
    memcpy(ret_encoded, made, sizeof(made));
    return true;
}

void
secret_random(void *ret_bytes, size_t length)
{
    randombytes_buf(ret_bytes, length);
}

void
secret_random_base62(char *ret_text, size_t length)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (size_t i = 0; i < length; i++) {
        ret_text[i] = alphabet[randombytes_uniform(62)];
    }
    ret_text[length] = '\0';
}

void
secret_digest(const void *bytes, size_t length, const unsigned char *key,
              unsigned char ret_digest[SECRET_DIGEST_SIZE])
{
    crypto_generichash(ret_digest, SECRET_DIGEST_SIZE, bytes, length, key, key ? SECRET_DIGEST_SIZE : 0);
}

bool
secret_equal(const void *a, const void *b, size_t length)
{
    return sodium_memcmp(a, b, length) == 0;
}

void
secret_wipe(void *bytes, size_t length)
{
    if (bytes) {
        sodium_memzero(bytes, length);
    }
}
