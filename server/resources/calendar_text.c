#include "server/resources/calendar_text.h"
#include "common/log.h"
#include "common/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a line, without its end (§3.1). */
#define LINE_OCTETS 75

struct calendar_text {
    FILE *out;
    char *bytes;
    size_t length;
    size_t column; /* octets of the line so far */
};

/* The octets of the UTF-8 character that begins here. */
static size_t
character_length(const char *text)
{
    size_t length = 1;
    while (((unsigned char)text[length] & 0xC0) == 0x80) {
        length++;
    }
    return length;
}

static void
put_character(struct calendar_text *calendar, const char *character, size_t length)
{
    if (calendar->column + length > LINE_OCTETS) {
        fputs("\r\n ", calendar->out);
        calendar->column = 1;
    }
    fwrite(character, 1, length, calendar->out);
    calendar->column += length;
}

static void
put(struct calendar_text *calendar, const char *text)
{
    for (size_t length; *text; text += length) {
        length = character_length(text);
        put_character(calendar, text, length);
    }
}

static void
put_escaped(struct calendar_text *calendar, const char *text)
{
    for (size_t length; *text; text += length) {
        length = character_length(text);
        switch (*text) {
        case '\\':
        case ';':
        case ',': {
            const char escaped[] = { '\\', *text };
            put_character(calendar, escaped, sizeof(escaped));
            break;
        }
        case '\n':
            put_character(calendar, "\\n", 2);
            break;
        default:
            put_character(calendar, text, length);
            break;
        }
    }
}

static void
end_line(struct calendar_text *calendar)
{
    fputs("\r\n", calendar->out);
    calendar->column = 0;
}

void
calendar_text_add(struct calendar_text *calendar, const char *property, const char *text)
{
    put(calendar, property);
    put(calendar, ":");
    put_escaped(calendar, text);
    end_line(calendar);
}

void
calendar_text_add_raw(struct calendar_text *calendar, const char *property, const char *value)
{
    put(calendar, property);
    put(calendar, ":");
    put(calendar, value);
    end_line(calendar);
}

struct calendar_text *
calendar_text_new(const char *name)
{
    struct calendar_text *calendar = memory_new(1, sizeof(*calendar));
    calendar->out = open_memstream(&calendar->bytes, &calendar->length);
    if (!calendar->out) {
        log_out_of_memory();
    }
    calendar_text_add_raw(calendar, "BEGIN", "VCALENDAR");
    calendar_text_add_raw(calendar, "VERSION", "2.0");
    calendar_text_add_raw(calendar, "PRODID", "-//TestKase//Tokens//EN");
    calendar_text_add_raw(calendar, "CALSCALE", "GREGORIAN");
    calendar_text_add_raw(calendar, "METHOD", "PUBLISH");
    /* RFC 7986 §5.1 and §5.7, and what programs read that are older than it. */
    calendar_text_add(calendar, "NAME", name);
    calendar_text_add(calendar, "X-WR-CALNAME", name);
    calendar_text_add_raw(calendar, "REFRESH-INTERVAL;VALUE=DURATION", "PT6H");
    calendar_text_add_raw(calendar, "X-PUBLISHED-TTL", "PT6H");
    return calendar;
}

char *
calendar_text_end(struct calendar_text *calendar, size_t *ret_length)
{
    calendar_text_add_raw(calendar, "END", "VCALENDAR");
    if (fclose(calendar->out) != 0) {
        log_out_of_memory();
    }
    char *bytes = calendar->bytes;
    *ret_length = calendar->length;
    free(calendar);
    return bytes;
}
