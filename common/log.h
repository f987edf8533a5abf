/* The log: each event is one line on stderr, in one write(2). Line ends, escapes and invalid UTF-8 in a value
 * are escaped, so that a value cannot begin another line or control a terminal. Secrets are never logged, at
 * any level: tokens, passwords, hashes, cookies, parameters of queries. Thread-safe. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Sets program name, threshold and format; before the first call it is "testkase", info, text. `program` is
 * not copied. Call it before other threads start. */
void log_setup(const char *program, enum log_level level, enum log_format format);

/* Whether an event of this level would be written, for callers whose fields take work to compute. */
int log_enabled(enum log_level level);

struct log_field {
    const char *key;  /* a constant of letters, digits and underscores; NULL ends the list */
    const char *text; /* NULL: the number counts */
    int64_t number;
};

static inline struct log_field
log_text(const char *key, const char *text)
{
    return (struct log_field){ key, text ? text : "", 0 };
}

static inline struct log_field
log_number(const char *key, int64_t number)
{
    return (struct log_field){ key, 0, number };
}

#define LOG_END ((struct log_field){ 0, 0, 0 })

/* Writes one event: a constant message and any number of struct log_field, ended by LOG_END. Use the macros.
 *     log_warning("connection lost", log_text("host", host), log_number("pending", n));
 * Text form:  level=warning program=testkase-server msg="connection lost" host=db1 pending=3
 * with the <N> priority prefix of sd-daemon(3) when stderr is journald's (JOURNAL_STREAM names its device and
 * inode), else with time=2025-01-31T23:59:59.000Z in front. JSON form: the same as one object, always with
 * the time. In a text value, \uXXXX stands for a character that acts on terminals and \xXX for a byte that is
 * not UTF-8 (JSON: U+FFFD). A line has at most 8 KiB; a longer one is cut and ends with truncated=true.
 * Leaves errno alone. */
void log_event(enum log_level level, const char *message, ...);

#define log_debug(...)   log_event(LOG_LEVEL_DEBUG, __VA_ARGS__, LOG_END)
#define log_info(...)    log_event(LOG_LEVEL_INFO, __VA_ARGS__, LOG_END)
#define log_warning(...) log_event(LOG_LEVEL_WARNING, __VA_ARGS__, LOG_END)
#define log_error(...)   log_event(LOG_LEVEL_ERROR, __VA_ARGS__, LOG_END)

/* For failures that no caller could handle: logs one error line, with `message` ("cannot start a thread") and
 * the description of the errno `error` (0: none), and aborts; the supervisor restarts the process. */
_Noreturn void log_fatal(const char *message, int error);

/* The same when memory ran out. Allocation wrappers call it. */
_Noreturn void log_out_of_memory(void);

#endif
