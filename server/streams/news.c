#include "server/streams/news.h"
#include "common/memory.h"
#include <stdatomic.h>
#include <stdlib.h>

/* The columns of events/read. */
enum { SNAPSHOT, IS_RESET, SEQUENCE, TRANSACTION, READER, TOPIC, DATA };

static struct news *
new_news(size_t count, const char *before, const char *after)
{
    struct news *news = memory_new(1, sizeof(*news) + count * sizeof(news->items[0]));
    news->references = 1;
    news->before = memory_duplicate(before);
    news->after = memory_duplicate(after);
    news->count = count;
    return news;
}

struct news *
news_of_result(const struct db_result *result, const char *before, int most)
{
    int rows = db_is_null(result, 0, DATA) ? 0 : db_rows(result);
    bool is_reset = rows > most || db_bool(result, 0, IS_RESET);
    size_t count = is_reset ? 0 : (size_t)rows;
    struct news *news = new_news(count, before, db_text(result, 0, SNAPSHOT));
    news->is_reset = is_reset;
    for (int row = 0; row < (int)count; row++) {
        news->items[row] = (struct news_item){
            .sequence = db_int64(result, row, SEQUENCE),
            .transaction = db_int64(result, row, TRANSACTION),
            .reader = db_int64(result, row, READER),
            .topic = memory_duplicate(db_text(result, row, TOPIC)),
            .data = memory_duplicate(db_text(result, row, DATA)),
        };
    }
    return news;
}

struct news *
news_reset(const struct news *news)
{
    struct news *reset = new_news(0, news->before, news->after);
    reset->is_reset = true;
    return reset;
}

struct news *
news_keep(struct news *news)
{
    atomic_fetch_add(&news->references, 1);
    return news;
}

void
news_free(struct news *news)
{
    if (!news || atomic_fetch_sub(&news->references, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < news->count; i++) {
        free(news->items[i].topic);
        free(news->items[i].data);
    }
    free(news->before);
    free(news->after);
    free(news);
}
