/* The format of a Personal Access Token:
 *
 *     tk_pat_ LLLLLLLL SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS CCCCCC
 *             8 look-up 40 secret                               6 checksum
 *
 * all base62 (0-9A-Za-z). The look-up id is public, unique in the database and shown in previews. The secret
 * has 238 bits from the system's random generator. The checksum is the CRC-32 (ISO 3309, as in zlib) of all
 * that precedes it, in base62 with leading zeros, so that a scanner can recognize a token offline. */
#ifndef COMMON_TOKEN_H
#define COMMON_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#define TOKEN_PREFIX        "tk_pat_"
#define TOKEN_LENGTH        61
#define TOKEN_LOOKUP_LENGTH 8
#define TOKEN_PREVIEW_SIZE  (7 + 8 + 3 + 6 + 1)

/* Writes a new token, NUL-terminated. The caller wipes it. */
void token_make(char ret_token[TOKEN_LENGTH + 1]);

/* Whether `text` is a well-formed token: prefix, length, alphabet and checksum. On success, and only
 * then, writes the NUL-terminated look-up id (`ret_lookup` may be NULL). */
bool token_parse(const char *text, size_t length, char ret_lookup[TOKEN_LOOKUP_LENGTH + 1]);

/* The preview of a well-formed token: "tk_pat_a1b2c3d4...x9y8z7", NUL-terminated. */
void token_preview(const char *token, char ret_preview[TOKEN_PREVIEW_SIZE]);

#endif
