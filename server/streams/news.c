#include "server/streams/news.h"
#include "common/memory.h"
#include <stdatomic.h>
#include <stdlib.h>

/* The columns of events/read. */
enum { SNAPSHOT, IS_RESET, ORGANIZATION, SEQUENCE, TRANSACTION, READER, TOPIC, DATA };

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

/* The first rows name organizations, which the others do not. */
static void
read_cut(struct news *news, const struct db_result *result, int rows)
{
    news->cut = rows ? memory_new((size_t)rows, sizeof(news->cut[0])) : NULL;
    news->cut_count = (size_t)rows;
    for (int row = 0; row < rows; row++) {
        news->cut[row] = db_int64(result, row, ORGANIZATION);
    }
}

static struct news_item
read_item(const struct db_result *result, int row)
{
    return (struct news_item){
        .sequence = db_int64(result, row, SEQUENCE),
        .transaction = db_int64(result, row, TRANSACTION),
        .reader = db_int64(result, row, READER),
        .topic = memory_duplicate(db_text(result, row, TOPIC)),
        .data = memory_duplicate(db_text(result, row, DATA)),
    };
}

struct news *
news_of_result(const struct db_result *result, const char *before)
{
    int cut = 0, rows = db_rows(result);
    while (cut < rows && !db_is_null(result, cut, ORGANIZATION)) {
        cut++;
    }
    size_t count = cut < rows && !db_is_null(result, cut, DATA) ? (size_t)(rows - cut) : 0;
    struct news *news = new_news(count, before, db_text(result, 0, SNAPSHOT));
    news->is_reset = db_bool(result, 0, IS_RESET);
    read_cut(news, result, cut);
    for (size_t i = 0; i < count; i++) {
        news->items[i] = read_item(result, cut + (int)i);
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

static int
compare_ids(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

bool
news_resets(const struct news *news, int64_t organization)
{
    return news->is_reset || (news->cut_count && bsearch(&organization, news->cut, news->cut_count,
                                                         sizeof(news->cut[0]), compare_ids));
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
    free(news->cut);
    free(news->before);
    free(news->after);
    free(news);
}
