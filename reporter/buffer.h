/* Bytes that grow up to a limit. */
#ifndef REPORTER_BUFFER_H
#define REPORTER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *bytes; /* NUL-terminated once something was appended; NULL before */
    size_t length;
    size_t capacity;
    size_t limit; /* further bytes are dropped; 0: none */
    bool is_cut;  /* bytes were dropped */
};

/* Appends what the limit leaves room for. */
void buffer_append(struct buffer *buffer, const char *bytes, size_t length);

/* The text so far, "" at first; lives until the next call. */
const char *buffer_text(const struct buffer *buffer);

/* Empties it, and keeps memory and limit. */
void buffer_reset(struct buffer *buffer);

/* Frees the memory; the buffer is empty. */
void buffer_free(struct buffer *buffer);

#endif
