#include "common/log.h"
#include "common/clock.h"
#include "common/text.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nothing here allocates or takes a lock, because log_out_of_memory() runs through the same code. */

#define LINE_SIZE    8192
#define LINE_RESERVE 32 /* room for the end of a line: a quote, the mark of a cut line, a brace, LF */
#define NUMBER_SIZE  24 /* a 64-bit number, or the quotes around a text, with the punctuation of its key */

#define LAST_SECOND 253402300799 /* 9999-12-31T23:59:59Z, the last that RFC 3339 can write */

static const struct {
    const char *name;
    char priority; /* of syslog(3) */
} levels[] = {
    [LOG_LEVEL_DEBUG] = { "debug", '7' },
    [LOG_LEVEL_INFO] = { "info", '6' },
    [LOG_LEVEL_WARNING] = { "warning", '4' },
    [LOG_LEVEL_ERROR] = { "error", '3' },
};

static struct {
    const char *program;
    enum log_level level;
    enum log_format format;
    bool journald;
} settings = { "testkase", LOG_LEVEL_INFO, LOG_FORMAT_TEXT, false };

struct line {
    size_t used;
    bool json;
    bool begun; /* has a field, so that the next one needs a separator */
    bool cut;   /* something did not fit, so nothing more is added */
    char bytes[LINE_SIZE];
};

/* systemd.exec(5): JOURNAL_STREAM is the device:inode of the journal's stream. Its presence alone proves
 * nothing, because processes inherit it even if their stderr goes elsewhere. */
static bool
stderr_is_journald(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    if (!stream || fstat(STDERR_FILENO, &status)) {
        return false;
    }
    char expected[64];
    snprintf(expected, sizeof(expected), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return strcmp(stream, expected) == 0;
}

void
log_setup(const char *program, enum log_level level, enum log_format format)
{
    settings.program = program;
    settings.level = level;
    settings.format = format;
    settings.journald = stderr_is_journald();
}

int
log_enabled(enum log_level level)
{
    return level >= settings.level;
}

static size_t
room(const struct line *line)
{
    return LINE_SIZE - LINE_RESERVE - line->used;
}

/* Adds all of the bytes or none, so that a cut line ends with no half of an escape or character. */
static void
put(struct line *line, const char *bytes, size_t length)
{
    if (length > room(line)) {
        line->cut = true;
        return;
    }
    memcpy(line->bytes + line->used, bytes, length);
    line->used += length;
}

static void
put_string(struct line *line, const char *string)
{
    put(line, string, strlen(string));
}

/* Adds to the end of the line, for which LINE_RESERVE keeps room. */
static void
put_ending(struct line *line, const char *string)
{
    size_t length = strlen(string);
    memcpy(line->bytes + line->used, string, length);
    line->used += length;
}

/* Decodes the UTF-8 character at `text`; returns its length in bytes, or 0 when it is invalid. */
static size_t
decode(const char *text, size_t left, uint32_t *ret_point)
{
    unsigned char first = (unsigned char)text[0];
    size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length > left || !text_is_utf8(text, length)) {
        return 0;
    }
    uint32_t point = length == 1 ? first : first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        point = point << 6 | ((unsigned char)text[i] & 0x3f);
    }
    *ret_point = point;
    return length;
}

/* Characters that control a terminal or the direction of text: C0, DEL and C1 controls, line and paragraph
 * separators, bidirectional controls. All are below U+10000, so four hexadecimal digits are enough. */
static bool
acts(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x061c ||
           (point >= 0x200e && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069);
}

static void
put_escaped(struct line *line, uint32_t point)
{
    static const struct {
        uint32_t point;
        const char *escape;
    } short_forms[] = {
        { '"', "\\\"" }, { '\\', "\\\\" }, { '\n', "\\n" }, { '\r', "\\r" }, { '\t', "\\t" }
    };
    for (size_t i = 0; i < sizeof(short_forms) / sizeof(short_forms[0]); i++) {
        if (short_forms[i].point == point) {
            put_string(line, short_forms[i].escape);
            return;
        }
    }
    char escape[16];
    snprintf(escape, sizeof(escape), "\\u%04" PRIx32, point);
    put_string(line, escape);
}

static void
put_bad_byte(struct line *line, char byte)
{
    char escape[16] = "\\ufffd"; /* JSON has no way to write a byte, only its replacement character */
    if (!line->json) {
        snprintf(escape, sizeof(escape), "\\x%02x", (unsigned)(unsigned char)byte);
    }
    put_string(line, escape);
}

/* Adds the first character of `text` and returns how many bytes it has. */
static size_t
put_character(struct line *line, const char *text, size_t left)
{
    uint32_t point = 0;
    size_t length = decode(text, left, &point);
    if (length == 0) {
        put_bad_byte(line, text[0]);
        return 1;
    }
    if (point == '"' || point == '\\' || acts(point)) {
        put_escaped(line, point);
    } else {
        put(line, text, length);
    }
    return length;
}

static bool
needs_quotes(const char *text)
{
    size_t length = 0;
    while (text[length] > ' ' && text[length] < 0x7f && !strchr("\"\\=", text[length])) {
        length++;
    }
    return length == 0 || text[length] != '\0';
}

static void
put_value(struct line *line, const char *text)
{
    bool quoted = line->json || needs_quotes(text);
    if (quoted) {
        put(line, "\"", 1);
    }
    size_t left = strnlen(text, LINE_SIZE); /* more never fits */
    while (left && !line->cut) {
        size_t taken = put_character(line, text, left);
        text += taken;
        left -= taken;
    }
    if (quoted) {
        put_ending(line, "\"");
    }
}

/* Starts a field; false when there is no room for its key and the shortest value. */
static bool
put_key(struct line *line, const char *key)
{
    if (line->cut || room(line) < strlen(key) + NUMBER_SIZE) {
        line->cut = true;
        return false;
    }
    if (line->begun) {
        put(line, line->json ? "," : " ", 1);
    }
    line->begun = true;
    put_string(line, line->json ? "\"" : "");
    put_string(line, key);
    put_string(line, line->json ? "\":" : "=");
    return true;
}

static void
put_text_field(struct line *line, const char *key, const char *text)
{
    if (put_key(line, key)) {
        put_value(line, text);
    }
}

static void
put_number_field(struct line *line, const char *key, int64_t number)
{
    if (put_key(line, key)) {
        char digits[NUMBER_SIZE];
        snprintf(digits, sizeof(digits), "%" PRId64, number);
        put_string(line, digits);
    }
}

static bool
is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Turns days since 1970-01-01 into a date. gmtime_r() would read the time zone file, with malloc(). */
static void
to_date(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year = 1970;
    while (days >= 365 + is_leap(year)) {
        days -= 365 + is_leap(year);
        year++;
    }
    int month = 0;
    int length = month_days[0];
    while (days >= length) {
        days -= length;
        month++;
        length = month_days[month] + (month == 1 && is_leap(year));
    }
    *ret_year = year;
    *ret_month = month + 1;
    *ret_day = (int)days + 1;
}

static void
put_time(struct line *line)
{
    int64_t now_us = clock_wall_us();
    now_us = now_us > 0 ? now_us : 0;
    int64_t seconds = now_us / 1000000 < LAST_SECOND ? now_us / 1000000 : LAST_SECOND;
    int second_of_day = (int)(seconds % 86400);
    int year = 0, month = 0, day = 0;
    to_date(seconds / 86400, &year, &month, &day);
    char stamp[96]; /* "2025-01-31T23:59:59.000Z" in practice; the compiler counts any int */
    snprintf(stamp, sizeof(stamp), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day,
             second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60, (int)(now_us / 1000 % 1000));
    put_text_field(line, "time", stamp);
}

static void
begin_line(struct line *line, enum log_level level)
{
    line->used = 0;
    line->json = settings.format == LOG_FORMAT_JSON;
    line->begun = false;
    line->cut = false;
    if (line->json) {
        put_string(line, "{");
    } else if (settings.journald) {
        const char prefix[] = { '<', levels[level].priority, '>' };
        put(line, prefix, sizeof(prefix));
    }
    if (line->json || !settings.journald) {
        put_time(line);
    }
    put_text_field(line, "level", levels[level].name);
    put_text_field(line, "program", settings.program);
}

static void
end_line(struct line *line)
{
    if (line->cut) {
        put_ending(line, line->json ? ",\"truncated\":true" : " truncated=true");
    }
    put_ending(line, line->json ? "}\n" : "\n");
}

static void
write_line(const struct line *line)
{
    /* One call for each line keeps the lines of several threads apart. If the disk or pipe is full, the line
     * is lost: there is nowhere to report it. */
    ssize_t written = 0;
    do {
        written = write(STDERR_FILENO, line->bytes, line->used);
    } while (written < 0 && errno == EINTR);
}

void
log_event(enum log_level level, const char *message, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    int saved_errno = errno;
    struct line line;
    begin_line(&line, level);
    put_text_field(&line, "msg", message);
    va_list fields;
    va_start(fields, message);
    struct log_field field = va_arg(fields, struct log_field);
    while (field.key) {
        if (field.text) {
            put_text_field(&line, field.key, field.text);
        } else {
            put_number_field(&line, field.key, field.number);
        }
        field = va_arg(fields, struct log_field);
    }
    va_end(fields);
    end_line(&line);
    write_line(&line);
    errno = saved_errno;
}

_Noreturn void
log_fatal(const char *message, int error)
{
    if (error) {
        log_error(message, log_text("error", strerrordesc_np(error)));
    } else {
        log_error(message);
    }
    abort();
}

_Noreturn void
log_out_of_memory(void)
{
    log_fatal("out of memory; the process stops and its supervisor starts it again", 0);
}
