/* Allocation that cannot fail: when memory runs out, the process logs one line and aborts, so that no reply
 * is half done. */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory for `count` objects of `size` bytes; the caller frees with free(). */
void *memory_new(size_t count, size_t size);

/* realloc() that cannot fail, and checks count × size for overflow. */
void *memory_resize(void *old, size_t count, size_t size);

/* A NUL-terminated copy of `length` bytes; the caller frees it. */
char *memory_copy_text(const char *text, size_t length);

/* strdup() that cannot fail; NULL gives NULL. */
char *memory_duplicate(const char *text);

/* --- giving memory back to the kernel --- */

/* Keeps malloc() from hoarding: what is freed at the end of a heap, and what is large, goes back at once.
 * Call once at the start of a program. */
void memory_setup(void);

/* Resident memory of the process in bytes; 0 when the kernel does not tell. */
size_t memory_resident(void);

/* Freed memory between objects in use does not go back by itself. This notices that the process has grown,
 * and asks malloc() every few seconds to give such memory back, until the process is small again; less often
 * while nothing comes back. Zeroed at first; owned by one thread. */
struct memory_watch {
    size_t least; /* resident memory so far, in bytes */
    size_t after; /* resident memory after the last time */
    int left;     /* calls until the next time */
    int interval;
};

/* Call once a second. */
void memory_watch_tick(struct memory_watch *watch);

#endif
