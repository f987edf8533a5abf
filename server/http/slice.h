/* A piece of a larger block of bytes. */
#ifndef SERVER_HTTP_SLICE_H
#define SERVER_HTTP_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Not NUL-terminated. `bytes` is NULL when there is no such thing, for example no field of that name. */
struct http_slice {
    const char *bytes;
    size_t length;
};

/* A name and its value: a header field, or a parameter. */
struct http_field {
    struct http_slice name;
    struct http_slice value; /* without surrounding white space */
};

static inline struct http_slice
http_slice_between(const char *begin, const char *end)
{
    return (struct http_slice){ begin, (size_t)(end - begin) };
}

static inline struct http_slice
http_slice_of(const char *text)
{
    return http_slice_between(text, text + strlen(text));
}

bool http_slice_equals(struct http_slice slice, const char *text);
/* ASCII case ignored. */
bool http_slice_equals_nocase(struct http_slice slice, const char *text);
bool http_slice_same_nocase(struct http_slice left, struct http_slice right);

/* Removes the spaces and tabs around it. */
struct http_slice http_slice_trim(struct http_slice slice);

/* Cuts `prefix` (ASCII case ignored) off the front. When the slice begins otherwise, leaves it alone and
 * returns false. */
bool http_slice_skip_nocase(struct http_slice *slice, const char *prefix);

/* Cuts the piece before the next `separator`, or the last piece, off the front of `rest`. Returns false when
 * there are no more pieces. */
bool http_slice_next(struct http_slice *rest, char separator, struct http_slice *ret_piece);

#endif
