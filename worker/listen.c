#include "worker/listen.h"
#include <string.h>

static const struct channel {
    const char *name;
    enum listen_channel bit;
} channels[] = {
    { "testkase_tokens", LISTEN_TOKENS },
    { "testkase_users", LISTEN_USERS },
    { "testkase_reminders", LISTEN_REMINDERS },
};

int
listen_begin(struct db_sync *db)
{
    struct db_result *result =
        db_sync_script(db, "listen testkase_tokens; listen testkase_users; listen testkase_reminders");
    int outcome = db_status(result) == DB_OK ? 0 : -1;
    db_result_free(result);
    return outcome;
}

static unsigned
channel_bit(const char *name)
{
    for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++) {
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
