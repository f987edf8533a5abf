#include "server/presence.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "server/auth/lease_client.h"
#include "server/auth/rate_limits.h"
#include <event2/event.h>
#include <sodium.h>
#include <stdlib.h>

#define BEAT_MS    500
#define AGAIN_MS   25 /* while something is waited for */
#define OTHERS_MAX 200

struct presence {
    struct presence_options options;
    int64_t server; /* the random number that is this server's name */
    struct event *timer;
    bool has_beaten;
    bool is_under_way; /* a beat */
    bool is_registered;
    bool is_leaving, has_left;
    int64_t began_ms; /* when it was first known that others live; 0: it is not */
    int64_t others[OTHERS_MAX];
    int count;     /* of others */
    bool tells;    /* the beat under way tells the others that this server knows them */
    bool has_news; /* no beat has told them yet */
};

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    presence_beat(argument);
}

struct presence *
presence_new(const struct presence_options *options)
{
    struct presence *presence = memory_new(1, sizeof(*presence));
    presence->options = *options;
    presence->timer = evtimer_new(options->base, on_timer, presence);
    randombytes_buf(&presence->server, sizeof(presence->server));
    return presence;
}

void
presence_free(struct presence *presence)
{
    if (!presence) {
        return;
    }
    event_free(presence->timer);
    free(presence);
}

/* --- a beat's answer --- */

/* The rows come in the order of the servers' numbers. */
static void
note_others(struct presence *presence, const struct db_result *result)
{
    int rows = db_rows(result) < OTHERS_MAX ? db_rows(result) : OTHERS_MAX;
    bool is_changed = rows != presence->count;
    for (int row = 0; row < rows; row++) {
        int64_t other = db_int64(result, row, 0);
        is_changed = is_changed || presence->others[row] != other;
        presence->others[row] = other;
    }
    presence->count = rows;
    presence->has_news = is_changed ? rows > 0 : presence->has_news && !presence->tells;
    if (rate_limits_set_servers(presence->options.limits, 1 + rows, clock_monotonic_us())) {
        lease_client_publish(presence->options.leases);
    }
}

static bool
is_known_to_all(const struct db_result *result)
{
    for (int row = 0; row < db_rows(result); row++) {
        if (!db_int64(result, row, 1)) {
            return false;
        }
    }
    return true;
}

static void
note_registered(struct presence *presence, const struct db_result *result)
{
    int64_t now_ms = clock_monotonic_ms();
    if (presence->is_registered) {
        return;
    }
    presence->began_ms = presence->began_ms ? presence->began_ms : now_ms;
    if (is_known_to_all(result) || now_ms - presence->began_ms >= PRESENCE_WAIT_MS) {
        presence->is_registered = true;
        presence->options.on_registered(presence->options.argument);
    }
}

static void
on_beat(const struct db_result *result, void *argument)
{
    struct presence *presence = argument;
    presence->is_under_way = false;
    if (presence->is_leaving) {
        return;
    }
    if (db_status(result) == DB_OK) {
        note_others(presence, result);
        note_registered(presence, result);
    }
    bool is_waiting = presence->has_news || !presence->is_registered;
    int delay_ms = db_status(result) == DB_OK && is_waiting ? AGAIN_MS : BEAT_MS;
    evtimer_add(presence->timer, &(struct timeval){ .tv_usec = delay_ms * 1000 });
}

/* --- beats --- */

static void
write_others(const struct presence *presence, char ret_text[])
{
    size_t length = 0;
    ret_text[length++] = '{';
    for (int i = 0; i < presence->count; i++) {
        length += text_number(presence->others[i], ret_text + length);
        ret_text[length++] = ',';
    }
    length -= presence->count > 0;
    ret_text[length++] = '}';
    ret_text[length] = '\0';
}

/* The others are told that they are known only after they can rely on it. */
void
presence_beat(struct presence *presence)
{
    char known[OTHERS_MAX * TEXT_NUMBER_SIZE + 3] = "{}";
    if (presence->is_under_way || presence->is_leaving) {
        return;
    }
    presence->tells = lease_client_has_published(presence->options.leases);
    if (presence->tells) {
        write_others(presence, known);
    }
    const struct db_value values[] = { DB_INT64(presence->server), DB_TEXT(TESTKASE_VERSION),
                                       DB_TEXT(known) };
    presence->is_under_way = presence->has_beaten = true;
    db_call(presence->options.db, QUERY_SERVERS_BEAT, values, true, on_beat, presence);
}

/* --- the end --- */

static void
on_left(const struct db_result *result, void *argument)
{
    struct presence *presence = argument;
    (void)result;
    presence->has_left = true;
}

void
presence_leave(struct presence *presence)
{
    if (presence->is_leaving) {
        return;
    }
    presence->is_leaving = true;
    event_del(presence->timer);
    if (!presence->has_beaten) {
        presence->has_left = true;
        return;
    }
    db_call(presence->options.db, QUERY_SERVERS_LEAVE, &DB_INT64(presence->server), false, on_left, presence);
}

bool
presence_has_left(const struct presence *presence)
{
    return presence->has_left;
}
