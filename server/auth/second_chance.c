#include "server/auth/second_chance.h"

void
second_chance_init(struct second_chance *order, size_t capacity)
{
    TAILQ_INIT(&order->order);
    order->count = 0;
    order->capacity = capacity;
}

void
second_chance_add(struct second_chance *order, struct second_chance_link *link)
{
    link->was_used = false;
    TAILQ_INSERT_TAIL(&order->order, link, in_order);
    order->count++;
}

void
second_chance_remove(struct second_chance *order, struct second_chance_link *link)
{
    TAILQ_REMOVE(&order->order, link, in_order);
    order->count--;
}

struct second_chance_link *
second_chance_victim(struct second_chance *order)
{
    if (order->count < order->capacity) {
        return NULL;
    }
    struct second_chance_link *first = TAILQ_FIRST(&order->order);
    while (first->was_used) {
        second_chance_remove(order, first);
        second_chance_add(order, first);
        first = TAILQ_FIRST(&order->order);
    }
    return first;
}

struct second_chance_link *
second_chance_any(const struct second_chance *order)
{
    return TAILQ_FIRST(&order->order);
}
