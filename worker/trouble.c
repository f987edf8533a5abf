#include "worker/trouble.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"

#define LOG_EVERY_MS 60000

void
trouble_note(struct trouble *trouble, const char *state, const char *error)
{
    int64_t now = clock_monotonic_ms();
    trouble->failures++;
    if (trouble->failures > 1 && now - trouble->logged_ms < LOG_EVERY_MS) {
        return;
    }
    trouble->logged_ms = now;
    log_warning("failed, will try again", log_text("what", trouble->what),
                log_number("failures", trouble->failures), log_text("sqlstate", state),
                log_text("error", error));
}

void
trouble_over(struct trouble *trouble)
{
    if (trouble->failures == 0) {
        return;
    }
    log_info("works again", log_text("what", trouble->what), log_number("failures", trouble->failures));
    trouble->failures = 0;
}

int64_t
trouble_delay_ms(const struct trouble *trouble, int64_t first_ms, int64_t most_ms)
{
    int64_t delay = first_ms;
    for (int i = 1; i < trouble->failures && delay < most_ms; i++) {
        delay *= 2;
    }
    delay = delay < most_ms ? delay : most_ms;
    uint32_t roll;
    secret_random(&roll, sizeof(roll));
    return delay - (int64_t)(roll % (uint64_t)(delay / 2 + 1));
}
