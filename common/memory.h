/* Allocation that cannot fail: when memory runs out, the process logs one line and aborts, so that no reply
 * is half done. */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stddef.h>

/* Zeroed memory for `count` objects of `size` bytes; the caller frees with free(). */
void *memory_new(size_t count, size_t size);

/* realloc() that cannot fail, and checks count × size for overflow. */
void *memory_resize(void *old, size_t count, size_t size);

/* A NUL-terminated copy of `length` bytes; the caller frees it. */
char *memory_copy_text(const char *text, size_t length);

/* strdup() that cannot fail; NULL gives NULL. */
char *memory_duplicate(const char *text);

#endif
