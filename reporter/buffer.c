#include "reporter/buffer.h"
#include "common/memory.h"
#include <stdlib.h>
#include <string.h>

void
buffer_append(struct buffer *buffer, const char *bytes, size_t length)
{
    if (buffer->limit && length > buffer->limit - buffer->length) {
        length = buffer->limit - buffer->length;
        buffer->is_cut = true;
    }
    if (length == 0) {
        return;
    }
    if (buffer->length + length >= buffer->capacity) {
        buffer->capacity = 2 * buffer->capacity + length + 64;
        buffer->bytes = memory_resize(buffer->bytes, buffer->capacity, 1);
    }
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
    buffer->bytes[buffer->length] = '\0';
}

const char *
buffer_text(const struct buffer *buffer)
{
    return buffer->length ? buffer->bytes : "";
}

void
buffer_reset(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->is_cut = false;
}

void
buffer_free(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){ .limit = buffer->limit };
}
