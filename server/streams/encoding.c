#include "server/streams/encoding.h"
#include "common/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 1024

void
encoding_clear(struct encoding *encoding)
{
    free(encoding->bytes);
    *encoding = (struct encoding){ 0 };
}

static void
add(struct encoding *encoding, const char *text)
{
    size_t length = strlen(text);
    if (encoding->capacity - encoding->length < length) {
        size_t wanted = 2 * (encoding->length + length);
        encoding->capacity = wanted > CAPACITY_MIN ? wanted : CAPACITY_MIN;
        encoding->bytes = memory_resize(encoding->bytes, encoding->capacity, 1);
    }
    memcpy(encoding->bytes + encoding->length, text, length);
    encoding->length += length;
}

static void
add_field(struct encoding *encoding, const char *name, const char *value)
{
    add(encoding, name);
    add(encoding, ": ");
    add(encoding, value);
    add(encoding, "\n");
}

void
encoding_add_retry(struct encoding *encoding, int milliseconds)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", milliseconds);
    add_field(encoding, "retry", number);
    add(encoding, "\n");
}

void
encoding_add_event(struct encoding *encoding, const char *position, const char *topic, const char *data)
{
    add_field(encoding, "id", position);
    add_field(encoding, "event", topic);
    add_field(encoding, "data", data);
    add(encoding, "\n");
}

void
encoding_add_reset(struct encoding *encoding, const char *position)
{
    encoding_add_event(encoding, position, "reset", "{}");
}

void
encoding_add_heartbeat(struct encoding *encoding, const char *position)
{
    add(encoding, ":\n");
    add_field(encoding, "id", position);
    add(encoding, "\n");
}
