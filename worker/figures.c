#include "worker/figures.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/retry.h"
#include "worker/metrics.h"
#include <stdlib.h>
#include <time.h>

#define REFRESH_EVERY_MS 60000

struct figures {
    struct metrics *metrics;
    int64_t next_ms;
    struct retry retry;
};

struct figures *
figures_new(struct metrics *metrics)
{
    struct figures *figures = memory_new(1, sizeof(*figures));
    figures->metrics = metrics;
    figures->retry.what = "figures";
    return figures;
}

void
figures_free(struct figures *figures)
{
    free(figures);
}

static void
store(struct metrics *metrics, const struct db_result *row)
{
    for (size_t i = 0; i < METRICS_FIGURES; i++) {
        int column = db_column(row, metrics_figures[i].column);
        atomic_store_explicit(&metrics->figures[i], db_int64(row, 0, column), memory_order_relaxed);
    }
    atomic_store(&metrics->figures_at, (int64_t)time(NULL));
}

void
figures_refresh(struct figures *figures, struct db_sync *db)
{
    int64_t now = clock_monotonic_ms();
    if (now < figures->next_ms) {
        return;
    }
    figures->next_ms = now + REFRESH_EVERY_MS;
    struct db_result *result = db_sync_call(db, QUERY_WORKER_FIGURES, NULL);
    if (db_status(result) == DB_OK) {
        retry_worked(&figures->retry);
        store(figures->metrics, result);
    } else if (db_status(result) == DB_REFUSED) {
        retry_failed(&figures->retry, db_sqlstate(result), db_message(result));
    }
    db_result_free(result);
}

int64_t
figures_next_ms(const struct figures *figures)
{
    return figures->next_ms;
}
