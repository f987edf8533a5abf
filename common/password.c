#include "common/password.h"
#include "common/secret.h"
#include "common/text.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#define CHARACTERS_MIN 8
#define CHARACTERS_MAX 128

/* Code points: a byte makes one and a half at most, three at two bytes. */
#define POINTS_MAX (PASSWORD_BYTES_MAX * 3 / 2)

static size_t
compose(const char *typed, size_t length, utf8proc_int32_t points[POINTS_MAX + 1])
{
    const utf8proc_option_t form = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    utf8proc_ssize_t count = utf8proc_decompose((const utf8proc_uint8_t *)typed, (utf8proc_ssize_t)length,
                                                points, POINTS_MAX, form);
    if (count < 0 || count > POINTS_MAX) {
        return 0;
    }
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        points[i] = utf8proc_category(points[i]) == UTF8PROC_CATEGORY_ZS ? ' ' : points[i];
    }
    utf8proc_ssize_t bytes = utf8proc_reencode(points, count, form);
    return bytes > 0 ? (size_t)bytes : 0;
}

size_t
password_normalize(const char *typed, size_t length, char ret_password[PASSWORD_SIZE])
{
    utf8proc_int32_t points[POINTS_MAX + 1];
    if (length > PASSWORD_BYTES_MAX || !text_is_utf8(typed, length)) {
        return 0;
    }
    size_t bytes = compose(typed, length, points);
    bytes = bytes <= PASSWORD_BYTES_MAX ? bytes : 0;
    if (bytes > 0) {
        memcpy(ret_password, points, bytes); /* utf8proc encodes in place */
        ret_password[bytes] = '\0';
    }
    secret_wipe(points, sizeof(points));
    return bytes;
}

static size_t
count_characters(const char *bytes, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += (bytes[i] & 0xC0) != 0x80;
    }
    return count;
}

static int
compare_words(const void *word, const void *entry)
{
    return strcmp(word, *(const char *const *)entry);
}

/* The list is in lower case: "PASSWORD1" is as common as "password1". */
static bool
is_common(const char *password, size_t length)
{
    char lower[CHARACTERS_MAX * 4 + 1];
    for (size_t i = 0; i < length; i++) {
        char c = password[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    lower[length] = '\0';
    bool found = bsearch(lower, password_common, (size_t)password_common_count, sizeof(password_common[0]),
                         compare_words) != NULL;
    secret_wipe(lower, sizeof(lower));
    return found;
}

static bool
equals(const char *password, size_t length, const char *text)
{
    return text && strlen(text) == length && strncasecmp(password, text, length) == 0;
}

const char *
password_refusal(const char *password, size_t length, const char *email, const char *name)
{
    if (length > (size_t)CHARACTERS_MAX * 4) {
        return "must have 8 to 128 characters";
    }
    if (!text_is_utf8(password, length) || memchr(password, '\0', length)) {
        return "must be UTF-8 text";
    }
    size_t characters = count_characters(password, length);
    if (characters < CHARACTERS_MIN || characters > CHARACTERS_MAX) {
        return "must have 8 to 128 characters";
    }
    if (is_common(password, length)) {
        return "is one of the commonest passwords; choose another";
    }
    if (equals(password, length, email) || equals(password, length, name)) {
        return "must not be the e-mail address or the name";
    }
    return NULL;
}
