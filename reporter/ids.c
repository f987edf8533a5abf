#include "reporter/ids.h"
#include <string.h>

static bool takes_six_digits;

void
ids_take_six_digits(bool takes)
{
    takes_six_digits = takes;
}

void
ids_reset(struct ids *ids)
{
    ids->level = IDS_NONE;
    ids->count = 0;
    ids->is_cut = false;
}

/* The id before the bracket that closes it, or -1. */
static int
read_bracketed(const char *text)
{
    int id = 0, digits = 0;
    for (; digits <= IDS_DIGITS && text[digits] >= '0' && text[digits] <= '9'; digits++) {
        id = id * 10 + (text[digits] - '0');
    }
    bool is_id = digits == IDS_DIGITS || (takes_six_digits && digits == IDS_DIGITS + 1 && text[0] != '0');
    return is_id && text[digits] == ']' ? id : -1;
}

static void
add_one(struct ids *ids, int level, int id)
{
    if (level > ids->level) {
        return;
    }
    if (level < ids->level) {
        ids_reset(ids);
        ids->level = level;
    }
    for (size_t i = 0; i < ids->count; i++) {
        if (ids->list[i] == id) {
            return;
        }
    }
    if (ids->count == IDS_MAX) {
        ids->is_cut = true;
        return;
    }
    ids->list[ids->count++] = id;
}

void
ids_add(struct ids *ids, int level, const char *text)
{
    const char *at = text ? strchr(text, '[') : NULL;
    for (; at; at = strchr(at + 1, '[')) {
        int id = read_bracketed(at + 1);
        if (id >= 0) {
            add_one(ids, level, id);
        }
    }
}

void
ids_add_all(struct ids *ids, int level, const struct ids *other)
{
    for (size_t i = 0; i < other->count; i++) {
        add_one(ids, level, other->list[i]);
    }
}

void
ids_write(int id, char ret_text[IDS_TEXT_SIZE])
{
    int digits = id < IDS_RANGE / 10 ? IDS_DIGITS : IDS_DIGITS + 1;
    for (int i = digits - 1; i >= 0; i--) {
        ret_text[i] = (char)('0' + id % 10);
        id /= 10;
    }
    ret_text[digits] = '\0';
}
