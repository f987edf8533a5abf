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
    bool is_reset; /* more happened than was read: all pages load anew */
    int64_t *cut;  /* organizations, ascending, whose pages load anew: they have more than was read */
    size_t cut_count;
    char *before; /* the snapshot of the read before this one; "" when there was none */
    char *after;  /* the snapshot of this read */
    size_t count;
    struct news_item items[]; /* in the order of their sequence */
};

/* Of a result of events/read. `before` is copied. One reference. */
struct news *news_of_result(const struct db_result *result, const char *before);
/* A reset that leads to the same position. One reference. */
struct news *news_reset(const struct news *news);
/* Whether the pages of an organization must load anew. */
bool news_resets(const struct news *news, int64_t organization);
struct news *news_keep(struct news *news);
/* NULL is fine. */
void news_free(struct news *news);

#endif
