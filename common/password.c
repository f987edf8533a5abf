#include "common/password.h"
#include "common/secret.h"
#include "common/text.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CHARACTERS_MIN 8
#define CHARACTERS_MAX 128

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
