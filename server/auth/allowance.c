#include "server/auth/allowance.h"

int64_t
allowance_wait_us(const struct allowance *allowance, int64_t whole_at_us, int64_t now_us)
{
    int64_t allowed_at_us = whole_at_us - (allowance->burst - 1) * allowance->interval_us;
    return allowed_at_us > now_us ? allowed_at_us - now_us : 0;
}

int64_t
allowance_take(const struct allowance *allowance, int64_t whole_at_us, int64_t now_us)
{
    return (whole_at_us > now_us ? whole_at_us : now_us) + allowance->interval_us;
}
