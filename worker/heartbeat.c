#include "worker/heartbeat.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/retry.h"
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BEAT_EVERY_MS 15000

struct heartbeat {
    char worker[HOST_NAME_MAX + 16];
    bool sends_mail;
    bool written;
    int64_t next_ms;
    struct retry retry;
};

struct heartbeat *
heartbeat_new(bool sends_mail)
{
    struct heartbeat *heartbeat = memory_new(1, sizeof(*heartbeat));
    char host[HOST_NAME_MAX + 1];
    if (gethostname(host, sizeof(host)) < 0) {
        snprintf(host, sizeof(host), "localhost");
    }
    host[sizeof(host) - 1] = '\0';
    snprintf(heartbeat->worker, sizeof(heartbeat->worker), "%s:%ld", host, (long)getpid());
    heartbeat->sends_mail = sends_mail;
    heartbeat->retry.what = "heartbeat";
    return heartbeat;
}

void
heartbeat_free(struct heartbeat *heartbeat)
{
    free(heartbeat);
}

void
heartbeat_beat(struct heartbeat *heartbeat, struct db_sync *db)
{
    int64_t now = clock_monotonic_ms();
    if (now < heartbeat->next_ms) {
        return;
    }
    heartbeat->next_ms = now + BEAT_EVERY_MS;
    struct db_value values[] = { DB_TEXT(heartbeat->worker), DB_TEXT(TESTKASE_VERSION),
                                 DB_TEXT(heartbeat->written ? "false" : "true"),
                                 DB_TEXT(heartbeat->sends_mail ? "true" : "false") };
    struct db_result *result = db_sync_call(db, QUERY_WORKER_BEAT, values);
    if (db_status(result) == DB_OK) {
        heartbeat->written = true;
        retry_worked(&heartbeat->retry);
    } else if (db_status(result) == DB_REFUSED) {
        retry_failed(&heartbeat->retry, db_sqlstate(result), db_message(result));
    }
    db_result_free(result);
}

int64_t
heartbeat_next_ms(const struct heartbeat *heartbeat)
{
    return heartbeat->next_ms;
}

void
heartbeat_end(struct heartbeat *heartbeat, struct db_sync *db)
{
    struct db_value values[] = { DB_TEXT(heartbeat->worker) };
    db_result_free(db_sync_call(db, QUERY_WORKER_END_HEARTBEAT, values));
}
