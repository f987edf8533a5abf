/* Reads one report file, block by block, whatever its size. */
#ifndef REPORTER_READING_H
#define REPORTER_READING_H

#include "reporter/format.h"

struct reading {
    const struct format *format; /* NULL: the one that its content shows; set to it */
    uint64_t repairs;            /* characters that were replaced */
    uint64_t bytes;              /* read so far */
    /* Told after each block; NULL: nobody. */
    void (*on_block)(void *owner, uint64_t length);
    void *owner;
};

/* Tells the sink what the file holds ("-": standard input). Returns 0, or -1 and a fault; the sink may have
 * got tests before. */
int reading_run(const char *path, const struct format_sink *sink, struct reading *reading,
                struct fault *ret_fault);

#endif
