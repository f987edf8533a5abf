#include "reporter/encoding.h"
#include "common/memory.h"
#include "reporter/code_page.h"
#include "reporter/utf8.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_SIZE      1024 /* the declaration stands in it */
#define REFERENCE_SIZE 16   /* a longer one is left to the parser */
#define NAME_SIZE      32

enum form { FORM_UNKNOWN, FORM_UTF8, FORM_UTF16_LITTLE, FORM_UTF16_BIG, FORM_CODE_PAGE };

/* Where the text is, as far as references go. */
enum place {
    PLACE_CONTENT, /* text or a tag */
    PLACE_OPENING, /* in the characters that open a comment, a section, an instruction or a tag */
    PLACE_REFERENCE,
    PLACE_LITERAL /* up to `end` nothing is a reference */
};

struct encoding {
    bool is_xml;
    enum form form;
    const uint16_t *page;    /* of FORM_CODE_PAGE */
    const uint16_t *invalid; /* what bytes are that are not UTF-8 */
    char head[HEAD_SIZE];
    size_t head_length;
    char partial[UTF8_MAX]; /* the start of a character */
    size_t partial_length;
    uint32_t high_surrogate; /* 0: none */
    bool has_started;        /* text other than white space came */
    enum place place;
    char pending[REFERENCE_SIZE]; /* an opening or a reference */
    size_t pending_length;
    const char *end; /* of PLACE_LITERAL */
    char last[2];    /* the last two characters in PLACE_LITERAL */
    uint64_t repairs;
    uint64_t dropped_lines;
};

struct encoding *
encoding_new(bool is_xml)
{
    struct encoding *encoding = memory_new(1, sizeof(*encoding));
    encoding->is_xml = is_xml;
    encoding->invalid = code_page_find("windows-1252");
    return encoding;
}

/* --- the second stage: what XML forbids --- */

static bool
is_forbidden(uint32_t character)
{
    return (character < 0x20 && character != '\t' && character != '\n' && character != '\r') ||
           (character >= 0xd800 && character <= 0xdfff) || character == 0xfffe || character == 0xffff ||
           character > 0x10ffff;
}

static void
put_character(uint32_t character, struct buffer *text)
{
    char bytes[UTF8_MAX];
    buffer_append(text, bytes, utf8_write(character, bytes));
}

static void
put_replacement(struct encoding *encoding, struct buffer *text)
{
    encoding->repairs++;
    put_character(UTF8_REPLACEMENT, text);
}

/* What the reference "&#…;" in `pending` stands for; 0 when it is none of a number. */
static bool
read_reference(const struct encoding *encoding, uint32_t *ret_character)
{
    const char *digits = encoding->pending + 2;
    int base = 10;
    if (encoding->pending_length < 4 || encoding->pending[1] != '#') {
        return false;
    }
    if (*digits == 'x') {
        digits++;
        base = 16;
    }
    char copy[REFERENCE_SIZE + 1] = "", *end;
    memcpy(copy, digits, (size_t)(encoding->pending + encoding->pending_length - digits));
    if (strspn(copy, base == 16 ? "0123456789abcdefABCDEF" : "0123456789") == 0) {
        return false;
    }
    unsigned long long number = strtoull(copy, &end, base);
    *ret_character = number > 0x10ffff ? UINT32_MAX : (uint32_t)number;
    return *end == ';';
}

/* The pending characters are no opening or reference after all, or a whole one that may stay. */
static void
flush_pending(struct encoding *encoding, struct buffer *text)
{
    buffer_append(text, encoding->pending, encoding->pending_length);
    encoding->pending_length = 0;
    encoding->place = PLACE_CONTENT;
}

static void
begin_literal(struct encoding *encoding, const char *end, struct buffer *text)
{
    flush_pending(encoding, text);
    encoding->place = PLACE_LITERAL;
    encoding->end = end;
    memset(encoding->last, 0, sizeof(encoding->last));
}

static void take(struct encoding *encoding, char c, struct buffer *text);

static void
take_opening(struct encoding *encoding, char c, struct buffer *text)
{
    static const struct opening {
        const char *start, *end;
    } openings[] = { { "<!--", "-->" }, { "<![CDATA[", "]]>" }, { "<?", "?>" } };
    encoding->pending[encoding->pending_length++] = c;
    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        const char *start = openings[i].start;
        if (strncmp(start, encoding->pending, encoding->pending_length) == 0) {
            if (strlen(start) == encoding->pending_length) {
                begin_literal(encoding, openings[i].end, text);
            }
            return;
        }
    }
    encoding->pending_length--;
    flush_pending(encoding, text);
    take(encoding, c, text);
}

static void
take_reference(struct encoding *encoding, char c, struct buffer *text)
{
    uint32_t character;
    bool is_part =
        c == '#' || c == ';' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'F');
    if (!is_part || encoding->pending_length + 1 >= REFERENCE_SIZE) {
        flush_pending(encoding, text);
        take(encoding, c, text);
        return;
    }
    encoding->pending[encoding->pending_length++] = c;
    if (c != ';') {
        return;
    }
    if (read_reference(encoding, &character) && is_forbidden(character)) {
        encoding->pending_length = 0;
        encoding->place = PLACE_CONTENT;
        put_replacement(encoding, text);
    } else {
        flush_pending(encoding, text);
    }
}

static void
take_literal(struct encoding *encoding, char c, struct buffer *text)
{
    buffer_append(text, &c, 1);
    size_t length = strlen(encoding->end);
    if (c == '>' && encoding->last[1] == encoding->end[length - 2] &&
        (length == 2 || encoding->last[0] == encoding->end[0])) {
        encoding->place = PLACE_CONTENT;
    }
    encoding->last[0] = encoding->last[1];
    encoding->last[1] = c;
}

/* One ASCII character of XML that is not forbidden. */
static void
take(struct encoding *encoding, char c, struct buffer *text)
{
    switch (encoding->place) {
    case PLACE_OPENING:
        take_opening(encoding, c, text);
        break;
    case PLACE_REFERENCE:
        take_reference(encoding, c, text);
        break;
    case PLACE_LITERAL:
        take_literal(encoding, c, text);
        break;
    default:
        if (c == '<' || c == '&') {
            encoding->place = c == '<' ? PLACE_OPENING : PLACE_REFERENCE;
            encoding->pending[0] = c;
            encoding->pending_length = 1;
        } else {
            buffer_append(text, &c, 1);
        }
    }
}

/* Whether a plain run ends at this byte: at what is not ASCII or forbidden, and where content or a literal
 * may end. */
static bool
ends_plain(unsigned char c, bool in_content)
{
    return c >= 0x80 || (c < 0x20 && c != '\n' && c != '\t' && c != '\r') ||
           (in_content ? c == '<' || c == '&' : c == '>');
}

/* The high bit of each byte of `word` that equals `c`. Bytes above one that equals it may be marked as well.
 */
static uint64_t
bytes_equal(uint64_t word, unsigned char c)
{
    const uint64_t ones = UINT64_MAX / 0xff;
    uint64_t difference = word ^ (ones * c);
    return (difference - ones) & ~difference & (ones << 7);
}

/* Whether ends_plain() or white space may be among these eight bytes. */
static bool
may_end_plain(const char *bytes, bool in_content)
{
    const uint64_t ones = UINT64_MAX / 0xff;
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    uint64_t ends = in_content ? bytes_equal(word, '<') | bytes_equal(word, '&') : bytes_equal(word, '>');
    return (ends | word | (word - ones * 0x20)) & (ones << 7);
}

/* How many bytes from `bytes` on are ASCII and change nothing. Most of a report are such bytes, so they are
 * looked at by eights. */
static size_t
plain_length(const struct encoding *encoding, const char *bytes, size_t length)
{
    bool in_content = encoding->place == PLACE_CONTENT;
    size_t i = 0;
    if (!in_content && encoding->place != PLACE_LITERAL) {
        return 0;
    }
    while (i < length) {
        while (length - i >= sizeof(uint64_t) && !may_end_plain(bytes + i, in_content)) {
            i += sizeof(uint64_t);
        }
        for (size_t end = length - i < sizeof(uint64_t) ? length : i + sizeof(uint64_t); i < end; i++) {
            if (ends_plain((unsigned char)bytes[i], in_content)) {
                return i;
            }
        }
    }
    return i;
}

static void
put_plain(struct encoding *encoding, const char *bytes, size_t length, struct buffer *text)
{
    buffer_append(text, bytes, length);
    if (length > 1) {
        memcpy(encoding->last, bytes + length - 2, 2);
    } else {
        encoding->last[0] = encoding->last[1];
        encoding->last[1] = bytes[0];
    }
}

/* One decoded character. */
static void
decoded(struct encoding *encoding, uint32_t character, struct buffer *text)
{
    if (!encoding->has_started) {
        if (character == ' ' || character == '\t' || character == '\r' || character == '\n' ||
            character == 0xfeff) {
            encoding->dropped_lines += character == '\n';
            return;
        }
        encoding->has_started = true;
    }
    if (!encoding->is_xml) {
        put_character(character, text);
        return;
    }
    if (character < 0x80 && !is_forbidden(character)) {
        take(encoding, (char)character, text);
        return;
    }
    if (encoding->place == PLACE_OPENING || encoding->place == PLACE_REFERENCE) {
        flush_pending(encoding, text);
    }
    memset(encoding->last, 0, sizeof(encoding->last));
    if (is_forbidden(character)) {
        put_replacement(encoding, text);
    } else {
        put_character(character, text);
    }
}

/* --- the first stage: the encoding --- */

static void
repaired(struct encoding *encoding, uint32_t character, struct buffer *text)
{
    encoding->repairs++;
    decoded(encoding, character, text);
}

static void
decode_invalid(struct encoding *encoding, char byte, struct buffer *text)
{
    unsigned char index = (unsigned char)byte;
    repaired(encoding, index < 0x80 ? index : encoding->invalid[index - 0x80], text);
}

/* A character that came in two blocks; returns how many bytes of this block it took. */
static size_t
decode_partial(struct encoding *encoding, const char *bytes, size_t length, struct buffer *text)
{
    size_t had = encoding->partial_length;
    size_t wanted = utf8_length((unsigned char)encoding->partial[0]), added = 0;
    while (encoding->partial_length < wanted && added < length) {
        encoding->partial[encoding->partial_length++] = bytes[added++];
    }
    if (encoding->partial_length < wanted) {
        return added;
    }
    uint32_t character;
    encoding->partial_length = 0;
    size_t taken = utf8_read(encoding->partial, wanted, &character);
    if (taken == wanted) {
        decoded(encoding, character, text);
        return added;
    }
    /* Its first byte is invalid; the ones behind it are looked at anew. */
    decode_invalid(encoding, encoding->partial[0], text);
    char rest[UTF8_MAX];
    memcpy(rest, encoding->partial + 1, had - 1);
    for (size_t i = 0; i + 1 < had; i++) {
        decode_invalid(encoding, rest[i], text);
    }
    return 0;
}

static void
decode_utf8(struct encoding *encoding, const char *bytes, size_t length, struct buffer *text)
{
    size_t i = 0;
    while (encoding->partial_length > 0 && i < length) {
        i += decode_partial(encoding, bytes + i, length - i, text);
    }
    while (i < length) {
        if (encoding->is_xml && encoding->has_started) {
            size_t plain = plain_length(encoding, bytes + i, length - i);
            if (plain > 0) {
                put_plain(encoding, bytes + i, plain, text);
                i += plain;
                continue;
            }
        }
        uint32_t character;
        size_t wanted = utf8_length((unsigned char)bytes[i]);
        if (wanted > length - i) {
            encoding->partial_length = length - i;
            memcpy(encoding->partial, bytes + i, length - i);
            return;
        }
        size_t taken = utf8_read(bytes + i, length - i, &character);
        if (taken == wanted) {
            decoded(encoding, character, text);
        } else {
            decode_invalid(encoding, bytes[i], text);
        }
        i += taken;
    }
}

static void
decode_unit(struct encoding *encoding, uint32_t unit, struct buffer *text)
{
    uint32_t high = encoding->high_surrogate;
    encoding->high_surrogate = 0;
    if (high && unit >= 0xdc00 && unit <= 0xdfff) {
        decoded(encoding, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00), text);
        return;
    }
    if (high) {
        repaired(encoding, UTF8_REPLACEMENT, text);
    }
    if (unit >= 0xd800 && unit <= 0xdbff) {
        encoding->high_surrogate = unit;
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
        repaired(encoding, UTF8_REPLACEMENT, text);
    } else {
        decoded(encoding, unit, text);
    }
}

static void
decode_utf16(struct encoding *encoding, const char *bytes, size_t length, struct buffer *text)
{
    for (size_t i = 0; i < length; i++) {
        encoding->partial[encoding->partial_length++] = bytes[i];
        if (encoding->partial_length == 2) {
            uint32_t first = (unsigned char)encoding->partial[0];
            uint32_t second = (unsigned char)encoding->partial[1];
            bool is_little = encoding->form == FORM_UTF16_LITTLE;
            encoding->partial_length = 0;
            decode_unit(encoding, is_little ? first | second << 8 : first << 8 | second, text);
        }
    }
}

static void
decode_code_page(struct encoding *encoding, const char *bytes, size_t length, struct buffer *text)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        decoded(encoding, byte < 0x80 ? byte : encoding->page[byte - 0x80], text);
    }
}

static void
decode(struct encoding *encoding, const char *bytes, size_t length, struct buffer *text)
{
    if (encoding->form == FORM_UTF8) {
        decode_utf8(encoding, bytes, length, text);
    } else if (encoding->form == FORM_CODE_PAGE) {
        decode_code_page(encoding, bytes, length, text);
    } else {
        decode_utf16(encoding, bytes, length, text);
    }
}

/* The value of encoding= in an XML declaration; "" when there is none. */
static void
find_declared(const struct encoding *encoding, char ret_name[NAME_SIZE])
{
    char head[HEAD_SIZE + 1] = "";
    memcpy(head, encoding->head, encoding->head_length);
    ret_name[0] = '\0';
    char *at = head + strspn(head, " \t\r\n");
    char *end = strstr(at, "?>");
    if (strncmp(at, "<?xml", 5) != 0 || !end) {
        return;
    }
    *end = '\0';
    at = strstr(at, "encoding");
    at = at ? at + strcspn(at, "\"'") : at;
    if (at && *at) {
        size_t length = strcspn(at + 1, "\"'");
        length = length < NAME_SIZE ? length : NAME_SIZE - 1;
        memcpy(ret_name, at + 1, length);
        ret_name[length] = '\0';
    }
}

static void
decide(struct encoding *encoding)
{
    const char *head = encoding->head;
    size_t length = encoding->head_length;
    char name[NAME_SIZE];
    encoding->form = FORM_UTF8;
    if (length >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0) {
        return;
    }
    if (length >= 2 && (memcmp(head, "\xff\xfe", 2) == 0 || (head[0] && !head[1]))) {
        encoding->form = FORM_UTF16_LITTLE;
    } else if (length >= 2 && (memcmp(head, "\xfe\xff", 2) == 0 || (!head[0] && head[1]))) {
        encoding->form = FORM_UTF16_BIG;
    } else {
        find_declared(encoding, name);
        encoding->page = code_page_find(name);
        encoding->form = encoding->page ? FORM_CODE_PAGE : FORM_UTF8;
    }
}

static void
begin(struct encoding *encoding, struct buffer *text)
{
    decide(encoding);
    decode(encoding, encoding->head, encoding->head_length, text);
}

void
encoding_feed(struct encoding *encoding, const char *bytes, size_t length, struct buffer *ret_text)
{
    if (encoding->form == FORM_UNKNOWN) {
        size_t room = HEAD_SIZE - encoding->head_length;
        size_t taken = length < room ? length : room;
        memcpy(encoding->head + encoding->head_length, bytes, taken);
        encoding->head_length += taken;
        if (encoding->head_length < HEAD_SIZE) {
            return;
        }
        begin(encoding, ret_text);
        bytes += taken;
        length -= taken;
    }
    decode(encoding, bytes, length, ret_text);
}

void
encoding_finish(struct encoding *encoding, struct buffer *ret_text)
{
    if (encoding->form == FORM_UNKNOWN) {
        begin(encoding, ret_text);
    }
    for (size_t i = 0; i < encoding->partial_length; i++) {
        decode_invalid(encoding, encoding->partial[i], ret_text);
    }
    encoding->partial_length = 0;
    if (encoding->high_surrogate) {
        repaired(encoding, UTF8_REPLACEMENT, ret_text);
    }
    flush_pending(encoding, ret_text);
}

uint64_t
encoding_repairs(const struct encoding *encoding)
{
    return encoding->repairs;
}

uint64_t
encoding_dropped_lines(const struct encoding *encoding)
{
    return encoding->dropped_lines;
}

void
encoding_free(struct encoding *encoding)
{
    free(encoding);
}
