/* The order in which a bounded cache evicts its entries, by second chance: the one added longest ago first,
 * but an entry that was used since it was last considered goes to the end once more. The order is a list
 * through the entries themselves, allocates nothing, and is as thread-safe as the cache around it. */
#ifndef SERVER_AUTH_SECOND_CHANCE_H
#define SERVER_AUTH_SECOND_CHANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

/* The first member of an entry, so that a pointer to one is a pointer to the other. */
struct second_chance_link {
    TAILQ_ENTRY(second_chance_link) in_order;
    bool was_used; /* since it was added or last considered */
};

struct second_chance {
    TAILQ_HEAD(second_chance_list, second_chance_link) order;
    size_t count;
    size_t capacity;
};

/* `capacity`: at least 1. */
void second_chance_init(struct second_chance *order, size_t capacity);

/* Adds a new entry, unused, at the end. */
void second_chance_add(struct second_chance *order, struct second_chance_link *link);
void second_chance_remove(struct second_chance *order, struct second_chance_link *link);

/* The entry to remove before another is added; NULL while there is room. */
struct second_chance_link *second_chance_victim(struct second_chance *order);

/* Any entry; NULL when there is none. */
struct second_chance_link *second_chance_any(const struct second_chance *order);

static inline void
second_chance_use(struct second_chance_link *link)
{
    link->was_used = true;
}

#endif
