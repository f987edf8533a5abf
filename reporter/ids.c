#include "reporter/ids.h"
#include <string.h>

void
ids_reset(struct ids *ids)
{
    ids->level = IDS_NONE;
    ids->count = 0;
    ids->is_cut = false;
}

/* The id in five digits, or -1. */
static int
read_digits(const char *text)
{
    int id = 0;
    for (int i = 0; i < IDS_DIGITS; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        id = id * 10 + (text[i] - '0');
    }
    return id;
}

int
ids_read(const char *text)
{
    return strlen(text) == IDS_DIGITS ? read_digits(text) : -1;
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
        int id = read_digits(at + 1);
        if (id >= 0 && at[1 + IDS_DIGITS] == ']') {
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
ids_write(int id, char ret_text[IDS_DIGITS + 1])
{
    for (int i = IDS_DIGITS - 1; i >= 0; i--) {
        ret_text[i] = (char)('0' + id % 10);
        id /= 10;
    }
    ret_text[IDS_DIGITS] = '\0';
}
