/* Reads a report from a string, at once and byte by byte, and writes what the format tells as lines:
 *     pass 48271,48272 "name" 250 message
 * flaky tests with "pass*", attempts with "+" in front, suite-level errors as "error suite: message", notes
 * as "note text", a fault as "fault line:column text". */
#ifndef TESTS_UNIT_REPORTER_FORMAT_FIXTURE_H
#define TESTS_UNIT_REPORTER_FORMAT_FIXTURE_H

#include "reporter/format.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct told {
    char *text;
    size_t length;
    FILE *out;
};

static void
fixture_test(void *owner, const struct result *result)
{
    FILE *out = ((struct told *)owner)->out;
    fprintf(out, "%s%s%s ", result->attempt ? "+" : "", result_status_name(result->status),
            result->flaky ? "*" : "");
    for (size_t i = 0; i < result->ids.count; i++) {
        char id[IDS_TEXT_SIZE];
        ids_write(result->ids.list[i], id);
        fprintf(out, "%s%s", i ? "," : "", id);
    }
    fprintf(out, "%s\"%s\"", result->ids.count ? " " : "", result->name);
    if (result->duration_ms >= 0) {
        fprintf(out, " %lld", (long long)result->duration_ms);
    }
    if (result->message) {
        fprintf(out, " %s", result->message);
    }
    fputc('\n', out);
}

static void
fixture_suite_error(void *owner, const char *suite, const char *message)
{
    fprintf(((struct told *)owner)->out, "error %s: %s\n", suite, message);
}

static void
fixture_note(void *owner, const char *text)
{
    fprintf(((struct told *)owner)->out, "note %s\n", text);
}

/* The lines; the caller frees them. */
static char *
fixture_read(const struct format *format, const char *bytes, size_t length, size_t block)
{
    struct told told = { 0 };
    struct fault fault = { 0 };
    int result = 0;
    told.out = open_memstream(&told.text, &told.length);
    const struct format_sink sink = { &told, fixture_test, fixture_suite_error, fixture_note };
    struct format_reader *reader = format->new (&sink);
    for (size_t at = 0; at < length && result == 0; at += block) {
        /* A block of its own, so that a sanitizer sees what reads past its end. */
        size_t taken = length - at < block ? length - at : block;
        char *copy = malloc(taken);
        memcpy(copy, bytes + at, taken);
        result = format->feed(reader, copy, taken, &fault);
        free(copy);
    }
    if (result == 0) {
        result = format->finish(reader, &fault);
    }
    if (result < 0) {
        fprintf(told.out, "fault %llu:%llu %s\n", (unsigned long long)fault.line,
                (unsigned long long)fault.column, fault.text);
    }
    format->free(reader);
    fclose(told.out);
    return told.text;
}

/* Compares the lines with what is expected, for several sizes of the blocks. */
static void
fixture_expect_bytes(const struct format *format, const char *bytes, size_t length, const char *expected)
{
    static const size_t blocks[] = { 65536, 1, 7 };
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        char *lines = fixture_read(format, bytes, length, blocks[i]);
        assert_string_equal(lines, expected);
        free(lines);
    }
}

static inline void
fixture_expect(const struct format *format, const char *text, const char *expected)
{
    fixture_expect_bytes(format, text, strlen(text), expected);
}

#endif
