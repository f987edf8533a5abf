#include "worker/listen.h"
#include <stdio.h>
#include <string.h>

static const struct channel {
    const char *name;
    enum listen_channel bit;
} channels[] = {
    { "testkase_tokens", LISTEN_TOKENS },
    { "testkase_users", LISTEN_USERS },
    { "testkase_reminders", LISTEN_REMINDERS },
    { "testkase_outbox", LISTEN_OUTBOX },
};

#define CHANNEL_COUNT (sizeof(channels) / sizeof(channels[0]))

int
listen_begin(struct db_sync *db)
{
    char script[CHANNEL_COUNT * 80] = ""; /* a name has at most 63 bytes */
    size_t length = 0;
    for (size_t i = 0; i < CHANNEL_COUNT; i++) {
        length += (size_t)snprintf(script + length, sizeof(script) - length, "listen %s;", channels[i].name);
    }
    struct db_result *result = db_sync_script(db, script);
    int outcome = db_status(result) == DB_OK ? 0 : -1;
    db_result_free(result);
    return outcome;
}

static unsigned
channel_bit(const char *name)
{
    for (size_t i = 0; i < CHANNEL_COUNT; i++) {
        if (strcmp(channels[i].name, name) == 0) {
            return channels[i].bit;
        }
    }
    return 0;
}

unsigned
listen_take(struct db_sync *db)
{
    unsigned taken = 0;
    const char *name, *payload;
    while (db_sync_notification(db, &name, &payload)) {
        taken |= channel_bit(name);
    }
    return taken;
}
