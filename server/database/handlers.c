#include "server/database/handlers.h"

static bool
is_better(const struct db *one, const struct db *other)
{
    return db_usable(one) == db_usable(other) ? db_pending(one) < db_pending(other) : db_usable(one);
}

struct db *
handlers_least_busy(struct db *const *connections, int count)
{
    struct db *best = connections[0];
    for (int i = 1; i < count; i++) {
        best = is_better(connections[i], best) ? connections[i] : best;
    }
    return best;
}
