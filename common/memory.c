#include "common/memory.h"
#include "common/log.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *
memory_new(size_t count, size_t size)
{
    /* Never zero bytes, because calloc(0) may return NULL without a failure. */
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory) {
        log_out_of_memory();
    }
    return memory;
}

void *
memory_resize(void *old, size_t count, size_t size)
{
    /* At least one byte, because realloc() to zero bytes frees the object. */
    void *memory = count && size ? reallocarray(old, count, size) : realloc(old, 1);
    if (!memory) {
        log_out_of_memory();
    }
    return memory;
}

char *
memory_copy_text(const char *text, size_t length)
{
    if (length == SIZE_MAX) {
        log_out_of_memory();
    }
    char *copy = memory_new(length + 1, 1);
    if (length) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *
memory_duplicate(const char *text)
{
    return text ? memory_copy_text(text, strlen(text)) : NULL;
}
