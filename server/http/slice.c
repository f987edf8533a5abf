#include "server/http/slice.h"
#include <string.h>
#include <strings.h>

bool
http_slice_same_nocase(struct http_slice left, struct http_slice right)
{
    return left.length == right.length && strncasecmp(left.bytes, right.bytes, left.length) == 0;
}

bool
http_slice_equals(struct http_slice slice, const char *text)
{
    return slice.bytes && slice.length == strlen(text) && memcmp(slice.bytes, text, slice.length) == 0;
}

bool
http_slice_equals_nocase(struct http_slice slice, const char *text)
{
    return slice.bytes && http_slice_same_nocase(slice, (struct http_slice){ text, strlen(text) });
}

static bool
is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

struct http_slice
http_slice_trim(struct http_slice slice)
{
    while (slice.length && is_blank(slice.bytes[0])) {
        slice.bytes++;
        slice.length--;
    }
    while (slice.length && is_blank(slice.bytes[slice.length - 1])) {
        slice.length--;
    }
    return slice;
}

bool
http_slice_skip_nocase(struct http_slice *slice, const char *prefix)
{
    size_t length = strlen(prefix);
    if (slice->length < length || strncasecmp(slice->bytes, prefix, length) != 0) {
        return false;
    }
    *slice = (struct http_slice){ slice->bytes + length, slice->length - length };
    return true;
}

bool
http_slice_next(struct http_slice *rest, char separator, struct http_slice *ret_piece)
{
    if (!rest->bytes) {
        return false;
    }
    const char *end = rest->bytes + rest->length;
    const char *found = memchr(rest->bytes, separator, rest->length);
    *ret_piece = http_slice_between(rest->bytes, found ? found : end);
    *rest = found ? http_slice_between(found + 1, end) : (struct http_slice){ NULL, 0 };
    return true;
}
