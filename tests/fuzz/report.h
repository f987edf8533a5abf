/* What the fuzz targets of report formats share. */
#ifndef TESTS_FUZZ_REPORT_H
#define TESTS_FUZZ_REPORT_H

#include "common/text.h"
#include "reporter/clean.h"
#include "reporter/format.h"
#include <stdlib.h>
#include <string.h>

static void
report_check_lines(const char *text, size_t limit)
{
    size_t length = strlen(text);
    if (length > limit || !text_is_utf8(text, length)) {
        abort();
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ' && text[i] != '\n') {
            abort();
        }
    }
}

static void
report_check_text(const char *text, size_t limit)
{
    report_check_lines(text, limit);
    if (strchr(text, '\n')) {
        abort();
    }
}

static void
report_on_test(void *owner, const struct result *result)
{
    (void)owner;
    /* A title, with the name of a project behind it. */
    report_check_text(result->name, 2 * CLEAN_NAME_MAX + 3);
    if (result->message) {
        report_check_lines(result->message, CLEAN_NAME_MAX + CLEAN_MESSAGE_MAX + 64);
    }
    if (result->status >= RESULT_STATUSES || result->ids.count > IDS_MAX || result->duration_ms < -1) {
        abort();
    }
}

static void
report_on_suite_error(void *owner, const char *suite, const char *message)
{
    (void)owner;
    report_check_text(suite, CLEAN_NAME_MAX);
    report_check_lines(message, CLEAN_NAME_MAX);
}

static void
report_on_note(void *owner, const char *text)
{
    (void)owner;
    report_check_lines(text, 2 * CLEAN_NAME_MAX);
}

static int
report_fuzz(const struct format *format, const uint8_t *data, size_t size)
{
    static const struct format_sink sink = { NULL, report_on_test, report_on_suite_error, report_on_note };
    struct fault fault = { 0 };
    int result = 0;
    if (size == 0) {
        return 0;
    }
    size_t block = data[0] ? data[0] : 4096;
    format_of_head((const char *)data + 1, size - 1 < FORMAT_HEAD ? size - 1 : FORMAT_HEAD);
    struct format_reader *reader = format->new (&sink);
    for (size_t at = 1; at < size && result == 0; at += block) {
        result = format->feed(reader, (const char *)data + at, size - at < block ? size - at : block, &fault);
    }
    if (result == 0) {
        result = format->finish(reader, &fault);
    }
    if (result < 0 && !fault.text[0]) {
        abort();
    }
    format->free(reader);
    return 0;
}

#endif
