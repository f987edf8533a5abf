#include "reporter/held.h"
#include "common/memory.h"
#include <stdlib.h>

struct held_result *
held_add(struct held *held, const struct result *result)
{
    if (held->count == HELD_MAX) {
        return NULL;
    }
    if ((held->count & (held->count - 1)) == 0) {
        held->items = memory_resize(held->items, held->count ? 2 * held->count : 1, sizeof(*held->items));
    }
    struct held_result *item = &held->items[held->count++];
    *item = (struct held_result){ .result = *result,
                                  .name = memory_duplicate(result->name),
                                  .message = memory_duplicate(result->message) };
    return item;
}

static void
free_items(struct held *held)
{
    for (size_t i = 0; i < held->count; i++) {
        free(held->items[i].name);
        free(held->items[i].message);
    }
    held->count = 0;
}

size_t
held_tell(struct held *held, const struct format_sink *sink)
{
    size_t told = 0;
    for (size_t i = 0; i < held->count; i++) {
        struct held_result *item = &held->items[i];
        if (!item->is_dropped) {
            item->result.name = item->name;
            item->result.message = item->message;
            sink->test(sink->owner, &item->result);
            told++;
        }
    }
    free_items(held);
    return told;
}

void
held_free(struct held *held)
{
    free_items(held);
    free(held->items);
    *held = (struct held){ 0 };
}
