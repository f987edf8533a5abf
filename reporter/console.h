/* Lines for people and CI systems, on standard error. Standard output is left to results. */
#ifndef REPORTER_CONSOLE_H
#define REPORTER_CONSOLE_H

#include "reporter/ci.h"
#include <stdbool.h>
#include <stddef.h>

struct console {
    enum ci_provider provider; /* warnings and errors take its form */
    bool quiet;                /* no console_say() */
    bool verbose;              /* console_detail() too */
    unsigned annotations;      /* written so far */
};

/* Each writes one line. Whatever the arguments hold, it stays one line: control and bidirectional characters
 * are removed, secrets masked, commands of the CI system's log escaped. */
void console_say(struct console *console, const char *form, ...) __attribute__((format(printf, 2, 3)));
void console_detail(struct console *console, const char *form, ...) __attribute__((format(printf, 2, 3)));
void console_warn(struct console *console, const char *form, ...) __attribute__((format(printf, 2, 3)));
void console_error(struct console *console, const char *form, ...) __attribute__((format(printf, 2, 3)));

/* The last line of a run, which says how it ended; also with `quiet`. */
void console_last(struct console *console, const char *form, ...) __attribute__((format(printf, 2, 3)));

/* What a message becomes in the CI system's own form; the caller frees it. NULL: the system has none. */
char *console_annotation(enum ci_provider provider, bool is_error, const char *message);

#endif
