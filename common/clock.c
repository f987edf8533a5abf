#include "common/clock.h"
#include <stdbool.h>
#include <time.h>

/* Only tests write this; in a program, `held` is always false. */
static struct {
    bool held;
    int64_t monotonic_us;
    int64_t wall_us;
} frozen;

static int64_t
read_us(clockid_t id)
{
    struct timespec now = { 0, 0 };
    clock_gettime(id, &now); /* cannot fail for these two clocks and a valid pointer */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
clock_monotonic_us(void)
{
    return frozen.held ? frozen.monotonic_us : read_us(CLOCK_MONOTONIC);
}

int64_t
clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

int64_t
clock_wall_us(void)
{
    return frozen.held ? frozen.wall_us : read_us(CLOCK_REALTIME);
}

void
clock_freeze(int64_t monotonic_us, int64_t wall_us)
{
    frozen.monotonic_us = monotonic_us;
    frozen.wall_us = wall_us;
    frozen.held = true;
}

void
clock_release(void)
{
    frozen.held = false;
}
