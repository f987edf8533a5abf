#include "reporter/console.h"
#include "common/log.h"
#include "reporter/buffer.h"
#include "reporter/clean.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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
        log_out_of_memory();
    }
    clean = clean_text(line, (size_t)length, LINE_MAX_BYTES);
    free(line);
    return clean;
}

/* Removes the bar. */
static void
clear_progress(struct console *console)
{
    if (console->percent) {
        fputs("\r\x1b[K", stderr);
        console->percent = 0;
    }
}

void
console_progress(struct console *console, const char *what, uint64_t done, uint64_t total)
{
    static const char full[] = "##############################";
    int percent = total ? (int)(done < total ? done * 100 / total : 100) : 100;
    if (console->quiet || console->provider != CI_NONE || percent + 1 == console->percent ||
        !isatty(STDERR_FILENO)) {
        return;
    }
    console->percent = percent + 1;
    int width = (int)sizeof(full) - 1, marks = percent * width / 100;
    fprintf(stderr, "\r\x1b[K%s [%.*s%*s] %d %%", what, marks, full, width - marks, "", percent);
}

void
console_begin_section(const struct console *console)
{
    if (console->provider == CI_GITLAB) {
        fprintf(stderr, "\x1b[0Ksection_start:%lld:testkase_reporter\r\x1b[0Ktestkase-reporter\n",
                (long long)time(NULL));
    }
}

void
console_end_section(const struct console *console)
{
    if (console->provider == CI_GITLAB) {
        fprintf(stderr, "\x1b[0Ksection_end:%lld:testkase_reporter\r\x1b[0K\n", (long long)time(NULL));
    }
}

/* A line must not look like a command to the CI system: those begin with "::" or "##". */
static void
write_line(struct console *console, const char *prefix, const char *line)
{
    clear_progress(console);
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
        clear_progress(console);
        fprintf(stderr, "%s\n", annotation);
    } else {
        write_line(console, is_error ? "ERROR: " : "WARNING: ", line);
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
    write_line(console, "", line);
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
    write_line(console, "  ", line);
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
    va_list arguments;
    va_start(arguments, form);
    char *line = format_line(form, arguments);
    va_end(arguments);
    write_line(console, "testkase-reporter: ", line);
    free(line);
}
