#include "common/token.h"
#include "common/secret.h"
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#define PREFIX_LENGTH   7
#define SECRET_LENGTH   40
#define CHECKSUM_LENGTH 6
#define CHECKSUM_OFFSET (TOKEN_LENGTH - CHECKSUM_LENGTH)

_Static_assert(PREFIX_LENGTH + TOKEN_LOOKUP_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH == TOKEN_LENGTH,
               "the parts make the whole");

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void
checksum(const char *token, char ret_checksum[CHECKSUM_LENGTH])
{
    uint32_t crc = (uint32_t)crc32(0, (const unsigned char *)token, CHECKSUM_OFFSET);
    for (int i = CHECKSUM_LENGTH - 1; i >= 0; i--) {
        ret_checksum[i] = base62[crc % 62];
        crc /= 62;
    }
}

void
token_make(char ret_token[TOKEN_LENGTH + 1])
{
    memcpy(ret_token, TOKEN_PREFIX, PREFIX_LENGTH);
    secret_random_base62(ret_token + PREFIX_LENGTH, TOKEN_LOOKUP_LENGTH + SECRET_LENGTH);
    checksum(ret_token, ret_token + CHECKSUM_OFFSET);
    ret_token[TOKEN_LENGTH] = '\0';
}

static bool
is_base62(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))) {
            return false;
        }
    }
    return true;
}

bool
token_parse(const char *text, size_t length, char ret_lookup[TOKEN_LOOKUP_LENGTH + 1])
{
    char expected[CHECKSUM_LENGTH];
    if (length != TOKEN_LENGTH || memcmp(text, TOKEN_PREFIX, PREFIX_LENGTH) != 0 ||
        !is_base62(text + PREFIX_LENGTH, TOKEN_LENGTH - PREFIX_LENGTH)) {
        return false;
    }
    checksum(text, expected);
    if (!secret_equal(text + CHECKSUM_OFFSET, expected, CHECKSUM_LENGTH)) {
        return false;
    }
    if (ret_lookup) {
        memcpy(ret_lookup, text + PREFIX_LENGTH, TOKEN_LOOKUP_LENGTH);
        ret_lookup[TOKEN_LOOKUP_LENGTH] = '\0';
    }
    return true;
}

void
token_preview(const char *token, char ret_preview[TOKEN_PREVIEW_SIZE])
{
    const size_t shown = PREFIX_LENGTH + TOKEN_LOOKUP_LENGTH;
    memcpy(ret_preview, token, shown);
    memcpy(ret_preview + shown, "...", 3);
    memcpy(ret_preview + shown + 3, token + CHECKSUM_OFFSET, CHECKSUM_LENGTH);
    ret_preview[TOKEN_PREVIEW_SIZE - 1] = '\0';
}
