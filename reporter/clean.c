#include "reporter/clean.h"
#include "common/memory.h"
#include "common/pasted_secret.h"
#include "reporter/utf8.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPE        0x1b
#define LINE_ENDS_MAX 2 /* in a row: one blank line */

/* How many bytes the escape sequence of a terminal takes that begins at `bytes` (ECMA-48: CSI, and OSC up to
 * its end); 1 for any other ESC. */
static size_t
escape_length(const char *bytes, size_t length)
{
    size_t i = 2;
    if (length < 2 || (bytes[1] != '[' && bytes[1] != ']')) {
        return 1;
    }
    if (bytes[1] == '[') {
        while (i < length && bytes[i] >= 0x20 && bytes[i] <= 0x3f) {
            i++;
        }
        return i < length && bytes[i] >= 0x40 ? i + 1 : i;
    }
    while (i < length && bytes[i] != '\a' && bytes[i] != ESCAPE) {
        i++;
    }
    return i < length ? i + 1 : i;
}

/* How many bytes a colour takes whose escape character was written in another way, because XML cannot hold
 * it:
 * "#x1B[31m". 0: there is none. */
static size_t
disguised_length(const char *bytes, size_t length)
{
    static const char *const escapes[] = { "\uFFFD[", "#x1B[", "&#27;[", "&#x1b;[" };
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        size_t at = strlen(escapes[i]);
        if (length <= at || memcmp(bytes, escapes[i], at) != 0) {
            continue;
        }
        while (at < length && (isdigit((unsigned char)bytes[at]) || bytes[at] == ';')) {
            at++;
        }
        return at < length && bytes[at] == 'm' ? at + 1 : 0;
    }
    return 0;
}

static bool
is_left_out(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character <= 0x9f) || character == 0x061c ||
           character == 0x200e || character == 0x200f || (character >= 0x202a && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069) || character == 0xfeff;
}

static bool
is_space(uint32_t character)
{
    return character == ' ' || character == '\t' || character == '\n' || character == '\r' ||
           character == 0x2028 || character == 0x2029;
}

struct line {
    char *bytes;
    size_t length, limit;
    bool has_lines;
    size_t ends, blanks; /* that stand before the next character */
};

/* Returns false at the limit. */
static inline bool
put(struct line *line, const char *bytes, size_t length)
{
    if (line->length + line->ends + line->blanks + length > line->limit) {
        return false;
    }
    if (line->ends + line->blanks > 0) {
        memset(line->bytes + line->length, '\n', line->ends);
        memset(line->bytes + line->length + line->ends, ' ', line->blanks);
        line->length += line->ends + line->blanks;
        line->ends = line->blanks = 0;
    }
    memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
    return true;
}

static void
take_space(struct line *line, uint32_t character)
{
    if (!line->has_lines) {
        line->blanks = line->length > 0;
    } else if (character == '\n') {
        line->ends += line->length > 0 && line->ends < LINE_ENDS_MAX;
        line->blanks = 0;
    } else {
        line->blanks += line->length > 0 && character != '\r';
    }
}

/* Whether it stands for itself and begins nothing. */
static bool
is_plain(char c)
{
    return c > ' ' && c < 0x7f && c != '#' && c != '&';
}

/* How many bytes a sequence takes that is left out as a whole; 0: none begins here. */
static size_t
sequence_length(const char *bytes, size_t length)
{
    return bytes[0] == ESCAPE ? escape_length(bytes, length) : disguised_length(bytes, length);
}

/* Takes what is not plain; returns how many bytes that is, or 0 at the limit. */
static size_t
take_character(struct line *line, const char *bytes, size_t length)
{
    uint32_t character;
    char encoded[UTF8_MAX];
    size_t sequence = sequence_length(bytes, length);
    if (sequence) {
        return sequence;
    }
    size_t taken = utf8_read(bytes, length, &character);
    if (is_space(character)) {
        take_space(line, character);
    } else if (!is_left_out(character) && !put(line, encoded, utf8_write(character, encoded))) {
        return 0;
    }
    return taken;
}

static char *
clean(const char *bytes, size_t length, size_t limit, bool has_lines)
{
    /* An invalid byte becomes three; beyond the limit nothing is looked at. */
    struct line line = { .bytes = memory_new((length < limit ? length * 3 : limit) + 4, 1),
                         .limit = limit,
                         .has_lines = has_lines };
    for (size_t i = 0, taken; i < length; i += taken) {
        taken = is_plain(bytes[i]) ? put(&line, bytes + i, 1) : take_character(&line, bytes + i, length - i);
        if (!taken) {
            break;
        }
    }
    line.bytes[line.length] = '\0';
    pasted_secret_mask(line.bytes);
    return line.bytes;
}

char *
clean_text(const char *bytes, size_t length, size_t limit)
{
    return clean(bytes, length, limit, false);
}

char *
clean_lines(const char *bytes, size_t length, size_t limit)
{
    return clean(bytes, length, limit, true);
}

char *
clean_first_line(const char *bytes, size_t length, size_t limit)
{
    while (length > 0) {
        const char *end = memchr(bytes, '\n', length);
        size_t line = end ? (size_t)(end - bytes) : length;
        char *text = clean_text(bytes, line, limit);
        if (text[0] || !end) {
            return text;
        }
        bytes += line + 1;
        length -= line + 1;
        free(text);
    }
    return memory_copy_text("", 0);
}
