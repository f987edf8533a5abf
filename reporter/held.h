/* Results that a format cannot tell at once, because what follows in the file may change them. */
#ifndef REPORTER_HELD_H
#define REPORTER_HELD_H

#include "reporter/format.h"

#define HELD_MAX 200000

struct held {
    struct held_result {
        struct result result; /* name and message belong to it */
        char *name, *message;
        bool is_dropped; /* it will not be told */
    } * items;
    size_t count;
};

/* Copies a result, and returns the copy, which lives until the next call; NULL: there are HELD_MAX. */
struct held_result *held_add(struct held *held, const struct result *result);

/* Tells those that were not dropped, in their order, and empties the list. Returns how many were told. */
size_t held_tell(struct held *held, const struct format_sink *sink);

void held_free(struct held *held);

#endif
