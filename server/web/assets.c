#include "server/web/assets.h"
#include <string.h>

/* As strcmp() would order them: a path that is the beginning of another comes first. */
static int
compare(const char *path, size_t length, const char *other)
{
    size_t other_length = strlen(other);
    int difference = memcmp(path, other, length < other_length ? length : other_length);
    return difference ? difference : (length > other_length) - (length < other_length);
}

const struct asset *
asset_find(const char *path, size_t length)
{
    size_t low = 0, high = assets_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int difference = compare(path, length, assets[middle].path);
        if (difference == 0) {
            return &assets[middle];
        }
        if (difference < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}
