/* The files that patterns name: each once, whatever names it. */
#ifndef REPORTER_SOURCE_H
#define REPORTER_SOURCE_H

#include <stddef.h>
#include <sys/types.h>

#define SOURCE_FILES_MAX 100000

struct source_list {
    struct source {
        char *path; /* "-": standard input */
        dev_t device;
        ino_t inode;
    } * files;
    size_t count;
};

enum source_outcome {
    SOURCE_FOUND,
    SOURCE_NONE,   /* nothing matches */
    SOURCE_FAILED, /* `ret_error` says why */
};

/* Adds the files that a pattern names, in the order of their names. A path that exists is taken literally,
 * also with * or [ in it. In a pattern, "**" stands for any number of folders; names that begin with a dot
 * must be written so; links to folders are not followed below "**". Files that are in the list already are
 * not added again, but count as found. */
enum source_outcome source_add(struct source_list *list, const char *pattern, char *ret_error,
                               size_t error_size);

void source_free(struct source_list *list);

#endif
