/* Any bytes as a token: what is accepted has the documented form. */
#include "common/token.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char lookup[TOKEN_LOOKUP_LENGTH + 1], preview[TOKEN_PREVIEW_SIZE];
    if (!token_parse((const char *)data, size, lookup)) {
        return 0;
    }
    if (size != TOKEN_LENGTH || memcmp(data, TOKEN_PREFIX, 7) != 0 || memcmp(lookup, data + 7, 8) != 0) {
        abort();
    }
    token_preview((const char *)data, preview);
    if (strlen(preview) != TOKEN_PREVIEW_SIZE - 1) {
        abort();
    }
    return 0;
}
