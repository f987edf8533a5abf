#include "common/retry.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"

#define LOG_EVERY_MS 60000

int64_t
retry_delay_ms(int failures, int64_t first_ms, int64_t most_ms)
{
    int64_t delay = first_ms;
    for (int i = 1; i < failures && delay < most_ms; i++) {
        delay *= 2;
    }
    delay = delay < most_ms ? delay : most_ms;
    uint32_t random;
    secret_random(&random, sizeof(random));
    return delay - (int64_t)(random % (uint64_t)(delay / 2 + 1));
}

bool
retry_log_is_due(struct retry_log *log)
{
    int64_t now = clock_monotonic_ms();
    if (log->has_logged && now - log->logged_ms < LOG_EVERY_MS) {
        return false;
    }
    *log = (struct retry_log){ .has_logged = true, .logged_ms = now };
    return true;
}

bool
retry_shared_log_is_due(struct retry_shared_log *log)
{
    int64_t now = clock_monotonic_ms(), due = atomic_load(&log->due_ms);
    return now >= due && atomic_compare_exchange_strong(&log->due_ms, &due, now + LOG_EVERY_MS);
}

void
retry_failed(struct retry *retry, const char *sqlstate, const char *error)
{
    retry->failures++;
    if (retry_log_is_due(&retry->log)) {
        log_warning("failed, will try again", log_text("what", retry->what),
                    log_number("failures", retry->failures), log_text("sqlstate", sqlstate),
                    log_text("error", error));
    }
}

void
retry_worked(struct retry *retry)
{
    if (retry->failures == 0) {
        return;
    }
    log_info("works again", log_text("what", retry->what), log_number("failures", retry->failures));
    retry->failures = 0;
    retry->log.has_logged = false;
}
