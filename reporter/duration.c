#include "reporter/duration.h"
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 64
#define MS_MAX   (30.0 * 24 * 3600 * 1000)

static const struct unit {
    const char *name;
    double milliseconds;
} units[] = { { "", 1000 },    { "s", 1000 },        { "ms", 1 },
              { "us", 0.001 }, { "\u00b5s", 0.001 }, { "ns", 0.000001 } };

int64_t
duration_of_ms(double milliseconds)
{
    if (!(milliseconds >= 0 && milliseconds <= MS_MAX)) {
        return DURATION_NONE;
    }
    return (int64_t)(milliseconds + 0.5);
}

int64_t
duration_add(int64_t a, int64_t b)
{
    if (a == DURATION_NONE || b == DURATION_NONE) {
        return a == DURATION_NONE ? b : a;
    }
    return a + b;
}

/* Whether the commas of a number separate thousands: several of them, or one before a point, or one with
 * exactly three digits behind it and a number other than zero before it. */
static bool
commas_are_thousands(const char *text)
{
    const char *comma = strchr(text, ',');
    if (strchr(comma + 1, ',') || strchr(comma, '.')) {
        return true;
    }
    size_t digits = strspn(comma + 1, "0123456789");
    return digits == 3 && strspn(text, "0") < (size_t)(comma - text);
}

static void
settle_commas(char *text)
{
    if (!strchr(text, ',')) {
        return;
    }
    bool thousands = commas_are_thousands(text);
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != ',') {
            *to++ = *from;
        } else if (!thousands) {
            *to++ = '.';
        }
    }
    *to = '\0';
}

int64_t
duration_of_seconds(const char *text)
{
    char copy[TEXT_MAX];
    text += strspn(text, " \t\r\n");
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        length--;
    }
    /* Only digits and points begin a number here: strtod() would also take "nan", "inf" and "0x1". */
    if (length == 0 || length >= sizeof(copy) || (!isdigit((unsigned char)text[0]) && text[0] != '.') ||
        memchr(text, 'x', length)) {
        return DURATION_NONE;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    settle_commas(copy);
    char *end;
    double number = strtod(copy, &end);
    if (end == copy) {
        return DURATION_NONE;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].name) == 0) {
            return duration_of_ms(number * units[i].milliseconds);
        }
    }
    return DURATION_NONE;
}
