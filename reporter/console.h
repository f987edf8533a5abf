/* Lines for people and CI systems, on standard error. Standard output is left to results. */
#ifndef REPORTER_CONSOLE_H
#define REPORTER_CONSOLE_H

#include "reporter/ci.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console {
    enum ci_provider provider; /* warnings and errors take its form */
    bool quiet;                /* no console_say() */
    bool verbose;              /* console_detail() too */
    unsigned annotations;      /* written so far */
    int percent; /* of the bar that stands in the terminal's last line, plus one; 0: there is none */
};

/* Each writes one line. Whatever the arguments hold, it stays one line: control and bidirectional characters
 * are removed, secrets masked, commands of the CI system's log escaped. */
void console_say(struct console *console, const char *form, ...) __attribute__((format(printf, 2, 3)));
void console_detail(struct console *console, const char *form, ...) __attribute__((format(printf, 2, 3)));
void console_warn(struct console *console, const char *form, ...) __attribute__((format(printf, 2, 3)));
void console_error(struct console *console, const char *form, ...) __attribute__((format(printf, 2, 3)));

/* The last line of a run, which says how it ended; also with `quiet`. */
void console_last(struct console *console, const char *form, ...) __attribute__((format(printf, 2, 3)));

/* Draws how much is done, on a terminal; elsewhere it does nothing. The next line takes its place. */
void console_progress(struct console *console, const char *what, uint64_t done, uint64_t total);

/* In GitLab's log, the lines between the two can be folded; elsewhere they do nothing. */
void console_begin_section(const struct console *console);
void console_end_section(const struct console *console);

/* What a message becomes in the CI system's own form; the caller frees it. NULL: the system has none. */
char *console_annotation(enum ci_provider provider, bool is_error, const char *message);

#endif
