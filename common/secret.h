/* Secrets: argon2id hashes (RFC 9106, libargon2's encoded form), random bytes, wiping and comparison
 * (libsodium). */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_HASH_SIZE   160 /* an encoded hash with its NUL */
#define SECRET_DIGEST_SIZE 32

struct secret_cost {
    uint32_t memory_kib;
    uint32_t time;
    uint32_t parallelism;
};

enum secret_result {
    SECRET_MATCH,
    SECRET_MISMATCH,
    SECRET_MALFORMED, /* the stored hash is not one of ours, or needs more than 1 GiB, 64 passes or 16 lanes
                       */
};

/* Prepares libsodium; call once at the start of a program. Aborts when the system has no random generator. */
void secret_setup(void);

/* Hashes with argon2id, a 16-byte random salt and a 32-byte tag. Blocks for the whole cost (17 ms at 19 MiB,
 * t=2). Returns 0 and the encoded hash, or -1 when libargon2 refuses (costs out of range, no memory). */
int secret_hash(const char *secret, size_t length, const struct secret_cost *cost,
                char ret_encoded[SECRET_HASH_SIZE]);

/* argon2's memory, which can be used again: to take 19 MiB from the kernel for each hash makes it half as
 * dear again. Zeroed at first. */
struct secret_memory {
    uint8_t *bytes;
    size_t size;
};

/* The hashes of this thread use the memory from now on, and enlarge it when they need more; NULL: each takes
 * its own, and gives it back. */
void secret_use_memory(struct secret_memory *memory);
/* Gives the memory back to the kernel; no thread may be using it. */
void secret_release_memory(struct secret_memory *memory);

/* Compares in constant time; blocks like secret_hash(). */
enum secret_result secret_verify(const char *encoded, const char *secret, size_t length);

/* Whether `encoded` was made with other costs than these (or is malformed). */
bool secret_needs_rehash(const char *encoded, const struct secret_cost *cost);

/* Writes `encoded` with another cost, its fourth part ("m=19456,t=2,p=1"): what nothing matches, but takes as
 * long to compare with as a hash of that cost. False when secret_verify() would not take the cost. */
bool secret_imitate_cost(const char *encoded, const char *cost, char ret_encoded[SECRET_HASH_SIZE]);

/* Random bytes of the system's generator. */
void secret_random(void *ret_bytes, size_t length);

/* `length` random base62 characters without bias, and a NUL. */
void secret_random_base62(char *ret_text, size_t length);

/* BLAKE2b-256 of the bytes, under `key` (32 bytes) or unkeyed when it is NULL. */
void secret_digest(const void *bytes, size_t length, const unsigned char *key,
                   unsigned char ret_digest[SECRET_DIGEST_SIZE]);

/* Constant-time comparison of two buffers of the same length. */
bool secret_equal(const void *a, const void *b, size_t length);

/* Overwrites; not optimized away. NULL is fine. */
void secret_wipe(void *bytes, size_t length);

#endif
