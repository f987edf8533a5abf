/* The classes of characters in HTTP and in URIs. */
#ifndef SERVER_HTTP_CHARACTERS_H
#define SERVER_HTTP_CHARACTERS_H

#include "server/http/slice.h"
#include <stdbool.h>
#include <stdint.h>

enum http_character {
    HTTP_TOKEN = 1 << 0, /* RFC 9110 §5.6.2 */
    HTTP_VALUE = 1 << 1, /* of a field: visible characters, bytes from 0x80 on, space, tab */
    HTTP_PATH = 1 << 2,  /* RFC 3986 §3.3: pchar and '/'; the digits after '%' are checked elsewhere */
    HTTP_QUERY = 1 << 3, /* any visible character but '#', because clients send '[' and '|' unescaped */
    HTTP_HOST = 1 << 4,  /* RFC 3986 §3.2.2: reg-name, IPv4 */
    HTTP_HOST6 = 1 << 5, /* between the brackets of an IPv6 address */
    HTTP_DECIMAL = 1 << 6,
    HTTP_HEXADECIMAL = 1 << 7
};

extern const uint8_t http_characters[256];

static inline bool
http_characters_is(char byte, enum http_character class)
{
    return http_characters[(unsigned char)byte] & class;
}

/* How many bytes at the start are of the class. */
static inline size_t
http_characters_span(const char *bytes, size_t length, enum http_character class)
{
    size_t count = 0;
    while (count < length && http_characters_is(bytes[count], class)) {
        count++;
    }
    return count;
}

static inline bool
http_characters_all(struct http_slice slice, enum http_character class)
{
    return http_characters_span(slice.bytes, slice.length, class) == slice.length;
}

/* The value of a hexadecimal digit. */
int http_characters_hex(char digit);

/* The byte that the percent escape at `bytes` stands for, or -1 when there is no valid escape. */
int http_characters_unescape(const char *bytes, const char *end);

#endif
