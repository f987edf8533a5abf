/* What one read of the outbox found. Immutable; shared by all loops, which count references. */
#ifndef SERVER_STREAMS_NEWS_H
#define SERVER_STREAMS_NEWS_H

#include "common/db_result.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct news_item {
    int64_t sequence;
    int64_t transaction; /* that wrote it */
    int64_t reader;      /* the person who is told */
    char *topic;
    char *data; /* JSON */
};

struct news {
    _Atomic int references;
    bool is_reset; /* more happened than was read: pages load anew */
    char *before;  /* the snapshot of the read before this one; "" when there was none */
    char *after;   /* the snapshot of this read */
    size_t count;
    struct news_item items[]; /* in the order of their sequence */
};

/* Of a result of events/read; with more than `most` items, a reset. `before` is copied. One reference. */
struct news *news_of_result(const struct db_result *result, const char *before, int most);
/* A reset that leads to the same position. One reference. */
struct news *news_reset(const struct news *news);
struct news *news_keep(struct news *news);
/* NULL is fine. */
void news_free(struct news *news);

#endif
