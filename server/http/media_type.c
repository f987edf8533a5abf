#include "server/http/media_type.h"
#include <stdbool.h>
#include <string.h>

/* JSON is UTF-8 (RFC 8259 §8.1); a sender that says otherwise is not understood. */
static bool
is_other_charset(struct http_slice parameter)
{
    static const char name[] = "charset=";
    struct http_slice start = { parameter.bytes, sizeof(name) - 1 };
    if (parameter.length < start.length || !http_slice_equals_nocase(start, name)) {
        return false;
    }
    struct http_slice value = { parameter.bytes + start.length, parameter.length - start.length };
    return !http_slice_equals_nocase(value, "utf-8") && !http_slice_equals_nocase(value, "\"utf-8\"");
}

bool
media_type_is_json(struct http_slice type)
{
    if (!type.bytes) {
        return false;
    }
    const char *end = type.bytes + type.length, *at = type.bytes;
    for (bool essence = true; at <= end; essence = false) {
        const char *semicolon = memchr(at, ';', (size_t)(end - at));
        struct http_slice part = http_slice_trim(http_slice_between(at, semicolon ? semicolon : end));
        if (essence ? !http_slice_equals_nocase(part, "application/json") : is_other_charset(part)) {
            return false;
        }
        at = semicolon ? semicolon + 1 : end + 1;
    }
    return true;
}
