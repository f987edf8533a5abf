#include "server/auth/address_log.h"
#include "common/clock.h"
#include "common/memory.h"
#include "server/auth/allowance.h"
#include "server/auth/id_hash.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define ADDRESSES_MAX 10000
#define LOG_EVERY_US  INT64_C(60000000)

/* Lines of all addresses together. */
static const struct allowance lines = { 600, 100000 };

struct entry {
    unsigned char address[16];
    int64_t due_us; /* when a line may be logged again */
    int64_t events; /* since the last line */
    UT_hash_handle hh;
    TAILQ_ENTRY(entry) in_order;
};

struct address_log {
    pthread_mutex_t lock;
    struct entry *entries;
    TAILQ_HEAD(entry_list, entry) order; /* the one used longest ago first */
    size_t count;
    int64_t whole_at_us; /* of `lines` */
};

struct address_log *
address_log_new(void)
{
    struct address_log *log = memory_new(1, sizeof(*log));
    pthread_mutex_init(&log->lock, NULL);
    TAILQ_INIT(&log->order);
    return log;
}

static void
drop_oldest(struct address_log *log)
{
    struct entry *entry = TAILQ_FIRST(&log->order);
    HASH_DEL(log->entries, entry);
    TAILQ_REMOVE(&log->order, entry, in_order);
    log->count--;
    free(entry);
}

void
address_log_free(struct address_log *log)
{
    if (!log) {
        return;
    }
    HASH_CLEAR(hh, log->entries);
    for (struct entry *entry = TAILQ_FIRST(&log->order), *next; entry; entry = next) {
        next = TAILQ_NEXT(entry, in_order);
        free(entry);
    }
    pthread_mutex_destroy(&log->lock);
    free(log);
}

static struct entry *
make(struct address_log *log, const unsigned char address[16])
{
    if (log->count == ADDRESSES_MAX) {
        drop_oldest(log);
    }
    struct entry *entry = memory_new(1, sizeof(*entry));
    memcpy(entry->address, address, sizeof(entry->address));
    HASH_ADD(hh, log->entries, address, sizeof(entry->address), entry);
    log->count++;
    return entry;
}

static struct entry *
find_or_make(struct address_log *log, const struct client_address *client)
{
    struct client_address address = client_address_untranslated(client);
    struct entry *entry;
    if (!client_address_is_v4(&address)) {
        memset(address.bytes + 8, 0, 8);
    }
    HASH_FIND(hh, log->entries, address.bytes, sizeof(address.bytes), entry);
    if (entry) {
        TAILQ_REMOVE(&log->order, entry, in_order);
    } else {
        entry = make(log, address.bytes);
    }
    TAILQ_INSERT_TAIL(&log->order, entry, in_order);
    return entry;
}

bool
address_log_is_due(struct address_log *log, const struct client_address *address, int64_t *ret_events)
{
    int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&log->lock);
    struct entry *entry = find_or_make(log, address);
    entry->events++;
    bool is_due = now_us >= entry->due_us && allowance_wait_us(&lines, log->whole_at_us, now_us) == 0;
    if (is_due) {
        log->whole_at_us = allowance_take(&lines, log->whole_at_us, now_us);
        *ret_events = entry->events;
        entry->events = 0;
        entry->due_us = now_us + LOG_EVERY_US;
    }
    pthread_mutex_unlock(&log->lock);
    return is_due;
}
