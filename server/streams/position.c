#include "server/streams/position.h"
#include <stdio.h>
#include <string.h>

/* Reads decimal digits without a leading zero. A transaction's number has 64 bits; one above 63 is none that
 * PostgreSQL has ever reached. */
static bool
read_number(const char **text, uint64_t *ret_number)
{
    const char *at = *text;
    uint64_t number = 0;
    while (*at >= '0' && *at <= '9' && at - *text < 18) {
        number = number * 10 + (uint64_t)(*at++ - '0');
    }
    bool is_number = at > *text && !(**text == '0' && at - *text > 1) && !(*at >= '0' && *at <= '9');
    *text = at;
    *ret_number = number;
    return is_number;
}

static bool
skip(const char **text, char expected)
{
    return *(*text)++ == expected;
}

/* The running transactions, from the oldest one up to (not including) the next one, in their order. */
static bool
are_between(const char *text, uint64_t from, uint64_t until)
{
    while (*text) {
        uint64_t number;
        if (!read_number(&text, &number) || number < from || number >= until) {
            return false;
        }
        from = number + 1;
        if (*text && (!skip(&text, ',') || !*text)) {
            return false;
        }
    }
    return true;
}

static bool
is_snapshot(const char *text)
{
    uint64_t oldest, next;
    return read_number(&text, &oldest) && skip(&text, ':') && read_number(&text, &next) && skip(&text, ':') &&
           oldest > 0 && oldest <= next && are_between(text, oldest, next);
}

bool
position_read(const char *text, char ret_snapshot[POSITION_SNAPSHOT_SIZE])
{
    uint64_t sequence;
    if (!read_number(&text, &sequence) || !skip(&text, '-') || strlen(text) >= POSITION_SNAPSHOT_SIZE ||
        !is_snapshot(text)) {
        return false;
    }
    strcpy(ret_snapshot, text); /* NOLINT(clang-analyzer-security.insecureAPI.strcpy): it fits */
    return true;
}

bool
position_sees(const char *snapshot, int64_t transaction)
{
    const uint64_t sought = (uint64_t)transaction;
    uint64_t oldest = 0, next = 0, running;
    read_number(&snapshot, &oldest);
    skip(&snapshot, ':');
    read_number(&snapshot, &next);
    if (sought < oldest || sought >= next) {
        return sought < oldest;
    }
    while (*snapshot && skip(&snapshot, *snapshot) && read_number(&snapshot, &running)) {
        if (running == sought) {
            return false;
        }
    }
    return true;
}

void
position_write(int64_t sequence, const char *snapshot, char ret_text[POSITION_SIZE])
{
    if (strlen(snapshot) < POSITION_SNAPSHOT_SIZE) {
        snprintf(ret_text, POSITION_SIZE, "%lld-%s", (long long)sequence, snapshot);
        return;
    }
    int length = (int)strcspn(snapshot, ":");
    snprintf(ret_text, POSITION_SIZE, "%lld-%.*s:%.*s:", (long long)sequence, length, snapshot, length,
             snapshot);
}
