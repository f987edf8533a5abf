#include "common/secret.h"
#include <argon2.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SALT_LENGTH         16
#define SALT_MAX            64
#define TAG_MAX             64
#define TAG_LENGTH          32
#define MEMORY_MAX_KIB      (1024 * 1024)
#define BASE64_SIZE(length) sodium_base64_ENCODED_LEN(length, sodium_base64_VARIANT_ORIGINAL_NO_PADDING)
#define TIME_MAX            64
#define LANES_MAX           16

_Static_assert(SECRET_DIGEST_SIZE == crypto_generichash_BYTES, "BLAKE2b-256");

void
secret_setup(void)
{
    if (sodium_init() < 0) {
        abort();
    }
}

/* --- argon2's memory --- */

/* What the thread's hashes use, if its caller lends it. A variable of the thread, because libargon2 calls
 * back without an argument. */
static _Thread_local struct secret_memory *lent;

void
secret_use_memory(struct secret_memory *memory)
{
    lent = memory;
}

void
secret_release_memory(struct secret_memory *memory)
{
    if (memory->bytes) {
        munmap(memory->bytes, memory->size);
        *memory = (struct secret_memory){ NULL, 0 };
    }
}

static int
map_memory(uint8_t **ret_bytes, size_t size)
{
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) {
        return ARGON2_MEMORY_ALLOCATION_ERROR;
    }
    *ret_bytes = bytes;
    return ARGON2_OK;
}

/* By mmap(), because what malloc() has given out once, it may keep for ever. */
static int
take_memory(uint8_t **ret_bytes, size_t size)
{
    if (!lent) {
        return map_memory(ret_bytes, size);
    }
    if (lent->size < size) {
        secret_release_memory(lent);
        int outcome = map_memory(&lent->bytes, size);
        if (outcome != ARGON2_OK) {
            return outcome;
        }
        lent->size = size;
    }
    *ret_bytes = lent->bytes;
    return ARGON2_OK;
}

/* libargon2 has wiped it. */
static void
leave_memory(uint8_t *bytes, size_t size)
{
    if (!lent) {
        munmap(bytes, size);
    }
}

/* --- hashes --- */

/* Returns libargon2's code. */
static int
compute_tag(const char *secret, size_t length, const struct secret_cost *cost, const unsigned char *salt,
            size_t salt_length,
            /* NOLINTNEXTLINE(readability-non-const-parameter): libargon2 writes it */
            unsigned char *ret_tag, size_t tag_length)
{
    argon2_context context = {
        .out = ret_tag,
        .outlen = (uint32_t)tag_length,
        .pwd = (uint8_t *)(uintptr_t)secret,
        .pwdlen = (uint32_t)length,
        .salt = (uint8_t *)(uintptr_t)salt,
        .saltlen = (uint32_t)salt_length,
        .t_cost = cost->time,
        .m_cost = cost->memory_kib,
        .lanes = cost->parallelism,
        .threads = cost->parallelism,
        .version = ARGON2_VERSION_13,
        .allocate_cbk = take_memory,
        .free_cbk = leave_memory,
        .flags = ARGON2_DEFAULT_FLAGS,
    };
    return argon2_ctx(&context, Argon2_id);
}

static void
encode(const unsigned char *bytes, size_t length, char *ret_text, size_t size)
{
    sodium_bin2base64(ret_text, size, bytes, length, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

int
secret_hash(const char *secret, size_t length, const struct secret_cost *cost,
            char ret_encoded[SECRET_HASH_SIZE])
{
    unsigned char salt[SALT_LENGTH], tag[TAG_LENGTH];
    char salt_text[BASE64_SIZE(SALT_LENGTH)], tag_text[BASE64_SIZE(TAG_LENGTH)];
    secret_random(salt, sizeof(salt));
    if (compute_tag(secret, length, cost, salt, sizeof(salt), tag, sizeof(tag)) != ARGON2_OK) {
        return -1;
    }
    encode(salt, sizeof(salt), salt_text, sizeof(salt_text));
    encode(tag, sizeof(tag), tag_text, sizeof(tag_text));
    snprintf(ret_encoded, SECRET_HASH_SIZE, "$argon2id$v=19$m=%u,t=%u,p=%u$%s$%s", cost->memory_kib,
             cost->time, cost->parallelism, salt_text, tag_text);
    secret_wipe(tag, sizeof(tag));
    secret_wipe(tag_text, sizeof(tag_text));
    return 0;
}

/* Reads the costs of "$argon2id$v=19$m=19456,t=2,p=1$salt$tag"; false when they exceed our limits.
 * `ret_salt` (may be NULL) is where the salt begins. */
static bool
read_cost(const char *encoded, struct secret_cost *ret_cost, const char **ret_salt)
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
    if (ret_salt) {
        *ret_salt = encoded + end;
    }
    return cost.memory_kib <= MEMORY_MAX_KIB && cost.time <= TIME_MAX && cost.parallelism <= LANES_MAX;
}

/* Decodes base64 up to `end`, and moves *at behind that character. */
static bool
decode(const char **at, char end, unsigned char *ret_bytes, size_t size, size_t *ret_length)
{
    const char *stop;
    if (sodium_base642bin(ret_bytes, size, *at, strlen(*at), NULL, ret_length, &stop,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0 ||
        *stop != end) {
        return false;
    }
    *at = stop + 1;
    return true;
}

enum secret_result
secret_verify(const char *encoded, const char *secret, size_t length)
{
    struct secret_cost cost;
    const char *at;
    unsigned char salt[SALT_MAX], tag[TAG_MAX], found[TAG_MAX];
    size_t salt_length, tag_length;
    if (!read_cost(encoded, &cost, &at) || !decode(&at, '$', salt, sizeof(salt), &salt_length) ||
        !decode(&at, '\0', tag, sizeof(tag), &tag_length) ||
        compute_tag(secret, length, &cost, salt, salt_length, found, tag_length) != ARGON2_OK) {
        return SECRET_MALFORMED;
    }
    bool matches = secret_equal(tag, found, tag_length);
    secret_wipe(tag, sizeof(tag));
    secret_wipe(found, sizeof(found));
    return matches ? SECRET_MATCH : SECRET_MISMATCH;
}

bool
secret_needs_rehash(const char *encoded, const struct secret_cost *cost)
{
    struct secret_cost found;
    return !read_cost(encoded, &found, NULL) || found.memory_kib != cost->memory_kib ||
           found.time != cost->time || found.parallelism != cost->parallelism;
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
    if (length < 0 || length >= (int)sizeof(made) || !read_cost(made, &read, NULL)) {
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
