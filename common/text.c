#include "common/text.h"
#include "common/pasted_secret.h"
#include <stdio.h>
#include <string.h>

/* A character has at most four bytes; the rest is for white space around a name. The characters of a longer
 * text are not looked at, because each costs a search through the tables below. */
#define NAME_BYTES_A_CHARACTER 8

/* Decodes one UTF-8 character (RFC 3629); returns its length in bytes, or 0 when it is invalid. */
static size_t
read_character(const unsigned char *bytes, size_t length, uint32_t *ret_character)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned char first = bytes[0];
    size_t size = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : 4;
    if (size > length || first > 0xF4 || (first >= 0x80 && first < 0xC2)) {
        return 0;
    }
    uint32_t character = size == 1 ? first : first & (0xFFU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        character = character << 6 | (bytes[i] & 0x3FU);
    }
    if (character < least[size] || character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF)) {
        return 0;
    }
    *ret_character = character;
    return size;
}

bool
text_is_utf8(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length) {
        uint32_t character;
        size_t size = read_character((const unsigned char *)bytes + at, length - at, &character);
        if (size == 0) {
            return false;
        }
        at += size;
    }
    return true;
}

struct range {
    uint32_t first, last;
};

static bool
is_among(uint32_t character, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (character >= ranges[i].first && character <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

#define IS_AMONG(character, ranges) is_among(character, ranges, sizeof(ranges) / sizeof((ranges)[0]))

/* Unicode's White_Space. */
static const struct range white_space[] = {
    { 0x09, 0x0D },     { 0x20, 0x20 },     { 0x85, 0x85 },     { 0xA0, 0xA0 },     { 0x1680, 0x1680 },
    { 0x2000, 0x200A }, { 0x2028, 0x2029 }, { 0x202F, 0x202F }, { 0x205F, 0x205F }, { 0x3000, 0x3000 },
};

/* Controls, line and paragraph separators, bidirectional controls, invisible format characters, tags,
 * noncharacters. Not U+200D, the joiner of emoji. */
static const struct range refused[] = {
    { 0x00, 0x1F },     { 0x7F, 0x9F },     { 0xAD, 0xAD },       { 0x34F, 0x34F },     { 0x61C, 0x61C },
    { 0x115F, 0x1160 }, { 0x17B4, 0x17B5 }, { 0x180E, 0x180E },   { 0x200B, 0x200C },   { 0x200E, 0x200F },
    { 0x2028, 0x202E }, { 0x2060, 0x206F }, { 0x3164, 0x3164 },   { 0xFDD0, 0xFDEF },   { 0xFEFF, 0xFEFF },
    { 0xFFA0, 0xFFA0 }, { 0xFFF0, 0xFFFB }, { 0x1D173, 0x1D17A }, { 0xE0000, 0xE0FFF },
};

static bool
is_refused(uint32_t character)
{
    return (character & 0xFFFE) == 0xFFFE || IS_AMONG(character, refused);
}

void
text_trim(const char **bytes, size_t *length)
{
    const unsigned char *at = (const unsigned char *)*bytes;
    size_t left = *length, kept = 0;
    uint32_t character;
    bool leading = true;
    for (size_t i = 0; i < left;) {
        size_t size = read_character(at + i, left - i, &character);
        bool space = IS_AMONG(character, white_space);
        if (leading && space) {
            at += size;
            left -= size;
            continue;
        }
        leading = false;
        i += size;
        kept = space ? kept : i;
    }
    *bytes = (const char *)at;
    *length = leading ? 0 : kept;
}

static const char *
too_long(size_t limit)
{
    return limit == 100   ? "must have 1 to 100 characters"
           : limit == 200 ? "must have 1 to 200 characters"
                          : "is empty or too long";
}

const char *
text_name_refusal(const char *bytes, size_t length, size_t limit, const char **ret_name, size_t *ret_length)
{
    if (length > limit * NAME_BYTES_A_CHARACTER) {
        return too_long(limit);
    }
    if (!text_is_utf8(bytes, length)) {
        return "must be UTF-8 text";
    }
    text_trim(&bytes, &length);
    size_t count = 0;
    for (size_t at = 0; at < length; count++) {
        uint32_t character = 0;
        at += read_character((const unsigned char *)bytes + at, length - at, &character);
        if (is_refused(character)) {
            return "must not hold control, bidirectional or invisible characters";
        }
    }
    if (count < 1 || count > limit) {
        return too_long(limit);
    }
    const char *refusal;
    if (pasted_secret_find(bytes, length, &refusal)) {
        return refusal;
    }
    *ret_name = bytes;
    *ret_length = length;
    return NULL;
}

#define LINK_BYTES_MAX 500

const char *
text_link_refusal(const char *bytes, size_t length)
{
    static const char plain[] = "http://", secure[] = "https://";
    const char *end = bytes + length, *host = NULL, *refusal;
    if (length > LINK_BYTES_MAX) {
        return "must have at most 500 characters";
    }
    if (length > strlen(plain) && memcmp(bytes, plain, strlen(plain)) == 0) {
        host = bytes + strlen(plain);
    } else if (length > strlen(secure) && memcmp(bytes, secure, strlen(secure)) == 0) {
        host = bytes + strlen(secure);
    }
    if (!host || strchr("/?#:", *host)) {
        return "must begin with https:// or http:// and a host";
    }
    for (const char *at = bytes; at < end; at++) {
        if (*at <= ' ' || *at > '~' || *at == '\\') {
            return "must be in ASCII without spaces and backslashes; write others as %XX";
        }
    }
    for (const char *at = host; at < end && !strchr("/?#", *at); at++) {
        if (*at == '@') {
            return "must not hold a user or a password";
        }
    }
    return pasted_secret_find(bytes, length, &refusal) ? refusal : NULL;
}

/* --- e-mail addresses --- */

static bool
is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* RFC 5321 Dot-string. */
static bool
is_local_part(const char *bytes, size_t length)
{
    if (length == 0 || length > 64 || bytes[0] == '.' || bytes[length - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        bool is_atom = is_letter_or_digit(bytes[i]) || (bytes[i] && strchr("!#$%&'*+-/=?^_`{|}~", bytes[i]));
        if (!is_atom && (bytes[i] != '.' || bytes[i - 1] == '.')) {
            return false;
        }
    }
    return true;
}

/* RFC 5321 Domain: labels of letters, digits and inner hyphens. */
static bool
is_domain(const char *bytes, size_t length)
{
    size_t label = 0;
    if (length == 0 || bytes[length - 1] == '.' || bytes[length - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '.') {
            if (label == 0 || bytes[i - 1] == '-') {
                return false;
            }
            label = 0;
        } else if (is_letter_or_digit(bytes[i]) || (bytes[i] == '-' && label > 0)) {
            if (++label > 63) {
                return false;
            }
        } else {
            return false;
        }
    }
    return true;
}

const char *
text_email_refusal(const char *bytes, size_t length)
{
    if (length > 254) {
        return "must have at most 254 characters";
    }
    const char *refusal;
    if (pasted_secret_find(bytes, length, &refusal)) {
        return refusal;
    }
    const char *at = memchr(bytes, '@', length);
    if (!at || !is_local_part(bytes, (size_t)(at - bytes)) ||
        !is_domain(at + 1, length - (size_t)(at - bytes) - 1)) {
        return "must be an e-mail address, like name@example.com";
    }
    return NULL;
}

bool
text_to_id(const char *bytes, size_t length, int64_t *ret_id)
{
    int64_t id = 0;
    if (length == 0 || length > 19 || (bytes[0] == '0' && length > 1)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] < '0' || bytes[i] > '9' || __builtin_mul_overflow(id, 10, &id) ||
            __builtin_add_overflow(id, bytes[i] - '0', &id)) {
            return false;
        }
    }
    *ret_id = id;
    return true;
}

bool
text_to_numbered(const char *bytes, size_t length, const char *prefix, int64_t *ret_number)
{
    size_t prefix_length = strlen(prefix);
    int64_t number;
    if (length <= prefix_length || memcmp(bytes, prefix, prefix_length) != 0 ||
        !text_to_id(bytes + prefix_length, length - prefix_length, &number) || number < 1 ||
        number > INT32_MAX) {
        return false;
    }
    *ret_number = number;
    return true;
}

/* --- choices --- */

bool
text_is_choice(const char *text, const char *choices)
{
    size_t length = strlen(text);
    for (const char *choice = choices; *choice;) {
        size_t span = strcspn(choice, "|");
        if (span == length && strncmp(choice, text, length) == 0) {
            return true;
        }
        choice += span + (choice[span] == '|');
    }
    return false;
}

void
text_choices_refusal(const char *beginning, const char *choices, char *ret_refusal, size_t size)
{
    size_t length = (size_t)snprintf(ret_refusal, size, "%s", beginning);
    for (const char *choice = choices; *choice && length < size;) {
        size_t span = strcspn(choice, "|");
        const char *next = choice + span + (choice[span] == '|');
        const char *behind = !*next ? "" : strchr(next, '|') ? ", " : " or ";
        length += (size_t)snprintf(ret_refusal + length, size - length, "%.*s%s", (int)span, choice, behind);
        choice = next;
    }
}

/* --- times --- */

static int
two_digits(const char *text)
{
    return (text[0] - '0') * 10 + text[1] - '0';
}

static bool
is_on_calendar(const char *text)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year = two_digits(text) * 100 + two_digits(text + 2);
    int month = two_digits(text + 5), day = two_digits(text + 8);
    bool is_leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return year > 0 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (month == 2 && is_leap_year) && two_digits(text + 11) < 24 &&
           two_digits(text + 14) < 60 && two_digits(text + 17) < 60;
}

bool
text_is_time(const char *text)
{
    static const char pattern[] = "dddd-dd-ddTdd:dd:dd";
    size_t i = 0;
    for (; pattern[i]; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (pattern[i] == 'd' ? !is_digit : text[i] != pattern[i]) {
            return false;
        }
    }
    if (text[i] == '.') {
        i += 1 + strspn(text + i + 1, "0123456789");
    }
    return strcmp(text + i, "Z") == 0 && text[i - 1] != '.' && is_on_calendar(text);
}

/* --- numbers --- */

size_t
text_number(int64_t number, char ret_text[TEXT_NUMBER_SIZE])
{
    char digits[TEXT_NUMBER_SIZE];
    size_t at = sizeof(digits);
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (number < 0) {
        digits[--at] = '-';
    }
    size_t length = sizeof(digits) - at;
    memcpy(ret_text, digits + at, length);
    ret_text[length] = '\0';
    return length;
}
