#include "common/memory.h"
#include "common/log.h"
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT_MAX       (1024 * 1024)     /* by malloc() at the end of a heap */
#define GROWTH         ((size_t)4 << 20) /* more than that is worth the call */
#define INTERVAL_FIRST 3                 /* seconds */
#define INTERVAL_MAX   30

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

/* --- giving memory back to the kernel --- */

/* Without fixed thresholds, malloc() raises them to the largest object that was ever freed. */
void
memory_setup(void)
{
    mallopt(M_MMAP_THRESHOLD, KEPT_MAX);
    mallopt(M_TRIM_THRESHOLD, KEPT_MAX);
}

/* Without stdio, which would allocate. */
size_t
memory_resident(void)
{
    char text[128] = "";
    long pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t length = read(fd, text, sizeof(text) - 1);
        /* NOLINTNEXTLINE(cert-err34-c): the kernel writes numbers */
        pages = length > 0 && sscanf(text, "%*d %ld", &pages) == 1 ? pages : 0;
        close(fd);
    }
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void
give_back(struct memory_watch *watch, size_t resident)
{
    malloc_trim(0);
    watch->after = memory_resident();
    bool worked = watch->after + GROWTH / 4 < resident;
    watch->interval = worked || watch->interval == 0 ? INTERVAL_FIRST : watch->interval * 2;
    watch->interval = watch->interval > INTERVAL_MAX ? INTERVAL_MAX : watch->interval;
    watch->left = watch->interval;
}

void
memory_watch_tick(struct memory_watch *watch)
{
    size_t resident = memory_resident();
    if (watch->least == 0 || resident < watch->least) {
        watch->least = resident;
    }
    if (resident > watch->after + GROWTH && watch->left > INTERVAL_FIRST) {
        watch->left = INTERVAL_FIRST;
    }
    if (resident > watch->least + GROWTH && --watch->left <= 0) {
        give_back(watch, resident);
    }
}
