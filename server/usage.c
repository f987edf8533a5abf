#include "server/usage.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/retry.h"
#include "server/auth/id_hash.h"
#include "server/http/client_name.h"
#include <event2/event.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* The analyzer loses track of entries in the macros of uthash and utlist. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */

/* An entry waits WAIT_MS for more calls. Due entries are then written in parts, one per TURN_MS, so that
 * PostgreSQL never keeps a core busy long enough to delay requests (1 000 entries in one statement took 15
 * ms). */
#define WAIT_MS     1000
#define TURN_MS     10
#define PART        (WAIT_MS / TURN_MS)
#define PART_MIN    10
#define BATCH_MAX   4000 /* entries of one statement */
#define ENTRIES_MAX 20000
#define CLIENT_SIZE 65

/* Compared byte by byte, so the whole struct is zeroed first. The digest covers all other members under a
 * secret key: the names that clients choose must not be able to fill one chain of the hash table. */
struct key {
    unsigned char digest[crypto_shorthash_BYTES];
    int64_t token_id;
    const char *route;
    unsigned char address[16];
    uint16_t status;
    uint8_t method;
    bool address_known;
    bool is_after_end;
    char client[CLIENT_SIZE];
};

struct entry {
    struct key key;
    int64_t calls;
    int64_t since_us; /* its first call */
    int64_t last_us;
    UT_hash_handle hh;
};

struct usage {
    struct db *db;
    struct event *timer;
    struct entry *entries; /* oldest first: uthash keeps the order of insertion */
    struct entry *sent;    /* the write under way; older than `entries` */
    struct json_writer *writer;
    unsigned char secret[crypto_shorthash_KEYBYTES];
    uint64_t lost;
    struct retry_log loss_log, refusal_log;
};

static void on_timer(evutil_socket_t fd, short what, void *argument);

struct usage *
usage_new(struct event_base *base, struct db *db)
{
    struct usage *usage = memory_new(1, sizeof(*usage));
    usage->db = db;
    usage->writer = json_writer_new();
    crypto_shorthash_keygen(usage->secret);
    usage->timer = evtimer_new(base, on_timer, usage);
    return usage;
}

static void
free_entries(struct entry *entries)
{
    struct entry *entry, *next;
    HASH_ITER (hh, entries, entry, next) {
        HASH_DEL(entries, entry);
        free(entry);
    }
}

void
usage_free(struct usage *usage)
{
    if (!usage) {
        return;
    }
    free_entries(usage->entries);
    free_entries(usage->sent);
    json_writer_free(usage->writer);
    event_free(usage->timer);
    free(usage);
}

/* --- counting --- */

static void
note_loss(struct usage *usage, int64_t calls)
{
    usage->lost += (uint64_t)calls;
    if (retry_log_is_due(&usage->loss_log)) {
        log_warning("usage is lost: PostgreSQL refuses it, or takes it more slowly than it arrives",
                    log_number("calls", (int64_t)usage->lost));
    }
}

/* Adds `more` to the entry with its key. */
static void
count(struct usage *usage, const struct entry *more)
{
    struct entry *entry;
    HASH_FIND(hh, usage->entries, &more->key, sizeof(more->key), entry);
    if (!entry) {
        if (HASH_COUNT(usage->entries) >= ENTRIES_MAX) {
            note_loss(usage, more->calls);
            return;
        }
        entry = memory_new(1, sizeof(*entry));
        entry->key = more->key;
        entry->since_us = more->since_us;
        HASH_ADD(hh, usage->entries, key, sizeof(entry->key), entry);
    }
    entry->calls += more->calls;
    entry->last_us = more->last_us > entry->last_us ? more->last_us : entry->last_us;
}

/* Fires when the oldest entry is due, but not before the next turn. */
static void
arm_timer(struct usage *usage)
{
    if (!usage->entries || evtimer_pending(usage->timer, NULL)) {
        return;
    }
    int64_t age_ms = (clock_monotonic_us() - usage->entries->since_us) / 1000;
    int64_t delay_ms = age_ms > WAIT_MS - TURN_MS ? TURN_MS : WAIT_MS - age_ms;
    const struct timeval delay = { .tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000 };
    evtimer_add(usage->timer, &delay);
}

void
usage_add(struct usage *usage, const struct usage_call *call)
{
    bool is_first = !usage->entries;
    struct entry added;
    memset(&added.key, 0, sizeof(added.key));
    added.key.token_id = call->token_id;
    added.key.route = call->route;
    added.key.status = (uint16_t)call->status;
    added.key.method = (uint8_t)call->method;
    added.key.is_after_end = call->is_after_end;
    if (call->address) {
        added.key.address_known = call->address->known;
        memcpy(added.key.address, call->address->bytes, sizeof(added.key.address));
        client_name_product(call->user_agent, added.key.client, sizeof(added.key.client));
    }
    crypto_shorthash(added.key.digest, (const unsigned char *)&added.key + sizeof(added.key.digest),
                     sizeof(added.key) - sizeof(added.key.digest), usage->secret);
    added.calls = 1;
    added.since_us = added.last_us = call->ended_us;
    count(usage, &added);
    if (is_first) {
        arm_timer(usage);
    }
}

/* --- writing --- */

static void
write_entry(struct json_writer *writer, const struct entry *entry, int64_t now_us)
{
    static const char *const methods[] = {
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"
    };
    struct client_address address = { .known = entry->key.address_known };
    memcpy(address.bytes, entry->key.address, sizeof(address.bytes));
    char text[CLIENT_ADDRESS_SIZE];
    client_address_text(&address, text);
    json_open_object(writer);
    json_integer_member(writer, "token", entry->key.token_id);
    json_text_member(writer, "address", *text ? text : NULL);
    json_text_member(writer, "client", entry->key.client);
    json_text_member(writer, "method", methods[entry->key.method]);
    json_text_member(writer, "route", entry->key.route);
    json_integer_member(writer, "status", entry->key.status);
    json_integer_member(writer, "calls", entry->calls);
    json_integer_member(writer, "age", (now_us - entry->last_us) / 1000);
    if (entry->key.is_after_end) {
        json_boolean_member(writer, "afterEnd", true);
    }
    json_close_object(writer);
}

/* Puts the sent entries back in front of the others, and delays the next write. */
static void
requeue_sent(struct usage *usage)
{
    struct entry *younger = usage->entries, *entry, *next;
    usage->entries = usage->sent;
    usage->sent = NULL;
    HASH_ITER (hh, younger, entry, next) {
        /* cppcheck-suppress uninitvar ; the macro sets it */
        count(usage, entry);
    }
    free_entries(younger);
    const struct timeval delay = { .tv_sec = WAIT_MS / 1000, .tv_usec = WAIT_MS % 1000 * 1000 };
    evtimer_add(usage->timer, &delay);
}

static void
free_sent(struct usage *usage)
{
    free_entries(usage->sent);
    usage->sent = NULL;
}

static void
drop_sent(struct usage *usage)
{
    int64_t calls = 0;
    struct entry *entry, *next;
    HASH_ITER (hh, usage->sent, entry, next) {
        /* cppcheck-suppress uninitvar ; the macro sets it */
        calls += entry->calls;
    }
    note_loss(usage, calls);
    free_sent(usage);
}

/* Class 22, data exception: PostgreSQL would refuse the value again at each attempt, and everything behind it
 * would never be written. */
static bool
is_refused_for_good(const struct db_result *result)
{
    return db_status(result) == DB_REFUSED && strncmp(db_sqlstate(result), "22", 2) == 0;
}

static void
on_written(const struct db_result *result, void *argument)
{
    struct usage *usage = argument;
    if (db_status(result) == DB_REFUSED && retry_log_is_due(&usage->refusal_log)) {
        log_warning("query failed", log_text("query", query_texts[QUERY_USAGE_ADD].name),
                    log_text("sqlstate", db_sqlstate(result)), log_text("reason", db_message(result)));
    }
    if (db_status(result) == DB_OK) {
        free_sent(usage);
    } else if (is_refused_for_good(result)) {
        drop_sent(usage);
    } else {
        requeue_sent(usage);
    }
}

/* Moves up to `most` entries that began at `until_us` or earlier to `sent`, and writes them as JSON. False
 * when there are none. */
static bool
take_batch(struct usage *usage, size_t most, int64_t until_us)
{
    struct entry *entry, *next;
    int64_t now_us = clock_monotonic_us();
    size_t taken = 0;
    json_open_array(usage->writer);
    HASH_ITER (hh, usage->entries, entry, next) {
        /* cppcheck-suppress uninitvar ; the macro sets it */
        if (taken == most || entry->since_us > until_us) {
            break;
        }
        taken++;
        write_entry(usage->writer, entry, now_us);
        HASH_DEL(usage->entries, entry);
        HASH_ADD(hh, usage->sent, key, sizeof(entry->key), entry);
    }
    json_close_array(usage->writer);
    return taken > 0;
}

static void
write_some(struct usage *usage, size_t most, int64_t until_us)
{
    if (usage->sent || !db_usable(usage->db)) {
        return;
    }
    if (take_batch(usage, most, until_us)) {
        size_t length;
        const char *json = json_writer_bytes(usage->writer, &length);
        db_call(usage->db, QUERY_USAGE_ADD, &DB_BINARY(json, (int)length), false, on_written, usage);
    }
    json_writer_reset(usage->writer);
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct usage *usage = argument;
    size_t part = HASH_COUNT(usage->entries) / PART;
    part = part < PART_MIN ? PART_MIN : part;
    write_some(usage, part < BATCH_MAX ? part : BATCH_MAX, clock_monotonic_us() - (WAIT_MS - TURN_MS) * 1000);
    arm_timer(usage);
}

void
usage_flush(struct usage *usage)
{
    write_some(usage, BATCH_MAX, INT64_MAX);
}

bool
usage_is_flushed(const struct usage *usage)
{
    return !usage->entries && !usage->sent;
}

int64_t
usage_lag_ms(const struct usage *usage)
{
    const struct entry *oldest = usage->sent ? usage->sent : usage->entries;
    return oldest ? (clock_monotonic_us() - oldest->since_us) / 1000 : 0;
}

uint64_t
usage_lost(const struct usage *usage)
{
    return usage->lost;
}
/* NOLINTEND(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */
