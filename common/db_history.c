#include "common/db_history.h"

#define NUMBER_BITS 32

/* Of the system's identifier, which begins with the time of its making, as many bits as there is room for. */
db_timeline
db_history_timeline(int64_t system, int64_t number)
{
    uint64_t identifier = (uint64_t)system;
    uint64_t folded = (identifier >> NUMBER_BITS ^ identifier) & UINT32_MAX;
    return folded << NUMBER_BITS | (uint32_t)number;
}

int64_t
db_history_number(db_timeline timeline)
{
    return (uint32_t)timeline;
}

static bool
is_before(db_timeline one, db_timeline other)
{
    return one >> NUMBER_BITS == other >> NUMBER_BITS && one < other;
}

bool
db_history_follow(struct db_history *history, db_timeline timeline)
{
    db_timeline newest = atomic_load(&history->newest);
    do {
        if (is_before(timeline, newest)) {
            return false;
        }
    } while (newest != timeline && !atomic_compare_exchange_weak(&history->newest, &newest, timeline));
    return true;
}

bool
db_history_is_old(const struct db_history *history, db_timeline timeline)
{
    return timeline != 0 && is_before(timeline, atomic_load(&history->newest));
}

db_timeline
db_history_newest(const struct db_history *history)
{
    return atomic_load(&history->newest);
}
