/* A format of report files: recognizes it, and reads it block by block. formats/ has one file for each. */
#ifndef REPORTER_FORMAT_H
#define REPORTER_FORMAT_H

#include "reporter/result.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_HEAD 4096 /* bytes at the start of a file that are enough to recognize it */

/* Why a file cannot be read. */
struct fault {
    char text[512];
    uint64_t line; /* 0: no place in the file */
    uint64_t column;
};

/* Sets text and no place. */
void fault_set(struct fault *fault, const char *form, ...) __attribute__((format(printf, 2, 3)));

/* Where a format tells what it reads. Texts live until the call returns. */
struct format_sink {
    void *owner;
    void (*test)(void *owner, const struct result *result);
    /* An error that no test carries; `suite` may be "". Both texts are clean; the message may have lines. */
    void (*suite_error)(void *owner, const char *suite, const char *message);
    /* A remark on the file, clean, with lines when it quotes a message; at most a few of each kind. */
    void (*note)(void *owner, const char *text);
};

struct xml;
struct json_events;

/* What every format's reader begins with. */
struct format_reader {
    const struct format_sink *sink;
    struct xml *xml;          /* NULL in a format that is JSON */
    struct json_events *json; /* NULL in a format that is XML */
};

struct format {
    const char *name;  /* as --format takes it */
    const char *title; /* as people call it */
    bool is_xml;
    /* Whether a file may be one, by its root element or its first keys. `head` is text without byte order
     * mark and white space before it, NUL-terminated. */
    bool (*sniff)(const char *head);
    struct format_reader *(*new)(const struct format_sink *sink);
    /* Both return 0, or -1 and a fault; after a fault only free() may follow. */
    int (*feed)(struct format_reader *reader, const char *bytes, size_t length, struct fault *ret_fault);
    int (*finish)(struct format_reader *reader, struct fault *ret_fault);
    void (*free)(struct format_reader *reader);
};

/* Ends with a NULL. */
extern const struct format *const formats[];

/* NULL when there is none of that name. */
const struct format *format_by_name(const char *name);

/* The format of a file by the bytes at its start (FORMAT_HEAD, or fewer when the file is shorter), in any
 * encoding; NULL: none recognizes it. */
const struct format *format_of_head(const char *bytes, size_t length);

/* What a file is with that root element, or that begins so, if it is none of `format`: a phrase with a hint
 * such as "this looks like NUnit 3: use --format nunit". */
void format_describe_root(const char *root, struct fault *ret_fault);
void format_describe_head(const struct format *format, const char *bytes, size_t length,
                          struct fault *ret_fault);

/* How many characters were repaired while the file was decoded. */
uint64_t format_repairs(const struct format_reader *reader);

/* feed() and finish() of formats that are XML or JSON. */
int format_feed_xml(struct format_reader *reader, const char *bytes, size_t length, struct fault *ret_fault);
int format_finish_xml(struct format_reader *reader, struct fault *ret_fault);
int format_feed_json(struct format_reader *reader, const char *bytes, size_t length, struct fault *ret_fault);
int format_finish_json(struct format_reader *reader, struct fault *ret_fault);

#endif
