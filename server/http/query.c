#include "server/http/query.h"
#include "server/http/characters.h"
#include <string.h>
#include <sys/types.h>

/* Skips empty parameters; without a '=', the value is empty. */
static bool
next_parameter(struct http_slice *rest, struct http_field *ret_parameter)
{
    struct http_slice piece;
    while (http_slice_next(rest, '&', &piece)) {
        if (piece.length) {
            const char *end = piece.bytes + piece.length;
            const char *equals = memchr(piece.bytes, '=', piece.length);
            ret_parameter->name = http_slice_between(piece.bytes, equals ? equals : end);
            ret_parameter->value = http_slice_between(equals ? equals + 1 : end, end);
            return true;
        }
    }
    return false;
}

/* Returns the length of the decoded value, or -1; writes the value to `ret_value` unless that is NULL. */
static ssize_t
decode(struct http_slice value, char *ret_value)
{
    const char *end = value.bytes + value.length;
    ssize_t length = 0;
    for (const char *at = value.bytes; at < end; at++) {
        int byte = *at == '+' ? ' ' : *at;
        if (*at == '%') {
            byte = http_characters_unescape(at, end);
            if (byte < 0) {
                return -1;
            }
            at += 2;
        }
        if (byte == 0) {
            return -1;
        }
        if (ret_value) {
            ret_value[length] = (char)byte;
        }
        length++;
    }
    return length;
}

int
http_query_parameter(struct http_slice query, const char *name, char *ret_value, size_t size)
{
    struct http_field parameter;
    struct http_slice value = { NULL, 0 };
    while (next_parameter(&query, &parameter)) {
        if (http_slice_equals(parameter.name, name)) {
            if (value.bytes) {
                return -1;
            }
            value = parameter.value;
        }
    }
    if (!value.bytes) {
        return 0;
    }
    ssize_t length = decode(value, NULL);
    if (length < 0 || (size_t)length >= size) {
        return -1;
    }
    decode(value, ret_value);
    ret_value[length] = '\0';
    return 1;
}
