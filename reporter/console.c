#include "reporter/console.h"
#include "reporter/buffer.h"
#include "reporter/clean.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES  4096
#define ANNOTATIONS_MAX 10 /* GitHub shows ten of a kind; further ones are plain lines */

/* How a CI system takes a message out of its log. */
static const struct style {
    enum ci_provider provider;
    const char *warning, *error, *end;
    struct escape {
        char character;
        const char *written;
    } escapes[8];
} styles[] = {
    { CI_GITHUB,
      "::warning title=testkase-reporter::",
      "::error title=testkase-reporter::",
      "",
      { { '%', "%25" } } },
    { CI_AZURE,
      "##vso[task.logissue type=warning]",
      "##vso[task.logissue type=error]",
      "",
      { { ';', "%3B" }, { ']', "%5D" }, { '%', "%AZP25" } } },
    { CI_TEAMCITY,
      "##teamcity[message status='WARNING' text='",
      "##teamcity[message status='ERROR' text='",
      "']",
      { { '\'', "|'" }, { '|', "||" }, { '[', "|[" }, { ']', "|]" } } },
    { CI_GITLAB, "\x1b[33mWARNING: ", "\x1b[31mERROR: ", "\x1b[0m", { { 0, NULL } } },
};

static const char *
escaped(const struct style *style, char c)
{
    for (const struct escape *escape = style->escapes; escape->written; escape++) {
        if (escape->character == c) {
            return escape->written;
        }
    }
    return NULL;
}

char *
console_annotation(enum ci_provider provider, bool is_error, const char *message)
{
    const struct style *style = NULL;
    struct buffer text = { 0 };
    for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
        style = styles[i].provider == provider ? &styles[i] : style;
    }
    if (!style) {
        return NULL;
    }
    const char *start = is_error ? style->error : style->warning;
    buffer_append(&text, start, strlen(start));
    for (; *message; message++) {
        const char *written = escaped(style, *message);
        buffer_append(&text, written ? written : message, written ? strlen(written) : 1);
    }
    buffer_append(&text, style->end, strlen(style->end));
    return text.bytes;
}

__attribute__((format(printf, 1, 0))) static char *
format_line(const char *form, va_list arguments)
{
    char *line, *clean;
    int length = vasprintf(&line, form, arguments);
    if (length < 0) {
        abort(); /* no memory */
    }
    clean = clean_text(line, (size_t)length, LINE_MAX_BYTES);
    free(line);
    return clean;
}

/* A line must not look like a command to the CI system: those begin with "::" or "##". */
static void
write_line(const char *prefix, const char *line)
{
    bool is_command = !*prefix && (strncmp(line, "::", 2) == 0 || strncmp(line, "##", 2) == 0);
    fprintf(stderr, "%s%s%s\n", is_command ? " " : "", prefix, line);
}

__attribute__((format(printf, 3, 0))) static void
annotate(struct console *console, bool is_error, const char *form, va_list arguments)
{
    char *line = format_line(form, arguments), *annotation = NULL;
    if (console->annotations < 2 * ANNOTATIONS_MAX) {
        annotation = console_annotation(console->provider, is_error, line);
    }
    if (annotation) {
        console->annotations++;
        fprintf(stderr, "%s\n", annotation);
    } else {
        write_line(is_error ? "ERROR: " : "WARNING: ", line);
    }
    free(annotation);
    free(line);
}

void
console_say(struct console *console, const char *form, ...)
{
    va_list arguments;
    if (console->quiet) {
        return;
    }
    va_start(arguments, form);
    char *line = format_line(form, arguments);
    va_end(arguments);
    write_line("", line);
    free(line);
}

void
console_detail(struct console *console, const char *form, ...)
{
    va_list arguments;
    if (!console->verbose) {
        return;
    }
    va_start(arguments, form);
    char *line = format_line(form, arguments);
    va_end(arguments);
    write_line("  ", line);
    free(line);
}

void
console_warn(struct console *console, const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    annotate(console, false, form, arguments);
    va_end(arguments);
}

void
console_error(struct console *console, const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    annotate(console, true, form, arguments);
    va_end(arguments);
}

void
console_last(struct console *console, const char *form, ...)
{
    (void)console;
    va_list arguments;
    va_start(arguments, form);
    char *line = format_line(form, arguments);
    va_end(arguments);
    write_line("testkase-reporter: ", line);
    free(line);
}
