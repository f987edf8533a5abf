#include "server/usage.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memory.h"
#include "server/client_name.h"
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

/* A token has few entries: its owner's machines and calls. */
#define HASH_FUNCTION(key, length, hash) ((hash) = id_hash(key))
#include "server/id_hash.h"
#include <uthash.h>

/* The analyzer loses track of entries in the macros of uthash and utlist. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */

#define FLUSH_MS     1000
#define ENTRIES_MAX  20000
#define BATCH_MAX    4000 /* entries of one statement */
#define CLIENT_SIZE  65
#define LOG_EVERY_MS 60000

/* Compared byte by byte, so made of zeros first. */
struct key {
    int64_t token_id;
    const struct route *route;
    unsigned char address[16];
    uint16_t status;
    uint8_t method;
    bool address_known;
    char client[CLIENT_SIZE];
};

struct entry {
    struct key key;
    int64_t calls;
    int64_t last_us;
    UT_hash_handle hh;
};

struct usage {
    struct db *db;
    struct event *timer;
    struct entry *entries;
    struct entry *sent; /* the write under way */
    struct json_writer *writer;
    int64_t oldest_ms; /* when the first of `entries` was added; 0: there is none */
    int64_t oldest_sent_ms;
    uint64_t lost;
    int64_t loss_logged_ms, refusal_logged_ms; /* 0: never */
};

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    usage_flush(argument);
}

struct usage *
usage_new(struct event_base *base, struct db *db)
{
    struct usage *usage = memory_new(1, sizeof(*usage));
    usage->db = db;
    usage->writer = json_writer_new();
    usage->timer = event_new(base, -1, EV_PERSIST, on_timer, usage);
    const struct timeval interval = { .tv_sec = FLUSH_MS / 1000, .tv_usec = FLUSH_MS % 1000 * 1000 };
    event_add(usage->timer, &interval);
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

/* Once a minute at most, each. */
static bool
is_to_be_logged(int64_t *logged_ms)
{
    int64_t now = clock_monotonic_ms();
    if (*logged_ms && now - *logged_ms < LOG_EVERY_MS) {
        return false;
    }
    *logged_ms = now;
    return true;
}

static void
note_loss(struct usage *usage, int64_t calls)
{
    usage->lost += (uint64_t)calls;
    if (is_to_be_logged(&usage->loss_logged_ms)) {
        log_warning("usage is lost: PostgreSQL does not take it, or not as fast as it comes",
                    log_number("calls", (int64_t)usage->lost));
    }
}

static void
count(struct usage *usage, const struct key *key, int64_t calls, int64_t last_us)
{
    struct entry *entry;
    HASH_FIND(hh, usage->entries, key, sizeof(*key), entry);
    if (!entry) {
        if (HASH_COUNT(usage->entries) >= ENTRIES_MAX) {
            note_loss(usage, calls);
            return;
        }
        entry = memory_new(1, sizeof(*entry));
        entry->key = *key;
        HASH_ADD(hh, usage->entries, key, sizeof(entry->key), entry);
        usage->oldest_ms = usage->oldest_ms ? usage->oldest_ms : last_us / 1000;
    }
    entry->calls += calls;
    entry->last_us = last_us > entry->last_us ? last_us : entry->last_us;
}

void
usage_add(struct usage *usage, int64_t token_id, const struct client_address *address,
          const struct http_head *head, const struct route *route, int status, int64_t now_us)
{
    struct key key;
    memset(&key, 0, sizeof(key));
    key.token_id = token_id;
    key.route = route;
    key.status = (uint16_t)status;
    key.method = (uint8_t)head->method;
    key.address_known = address->known;
    memcpy(key.address, address->bytes, sizeof(key.address));
    client_name(head->user_agent, key.client, sizeof(key.client));
    count(usage, &key, 1, now_us);
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
    json_text_member(writer, "route", entry->key.route->path);
    json_integer_member(writer, "status", entry->key.status);
    json_integer_member(writer, "calls", entry->calls);
    json_integer_member(writer, "age", (now_us - entry->last_us) / 1000);
    json_close_object(writer);
}

/* Back to the others, for the next write. */
static void
take_back(struct usage *usage)
{
    struct entry *sent = usage->sent, *entry, *next;
    usage->sent = NULL;
    HASH_ITER (hh, sent, entry, next) {
        /* cppcheck-suppress uninitvar ; the macro sets it */
        count(usage, &entry->key, entry->calls, entry->last_us);
    }
    free_entries(sent);
    usage->oldest_ms = usage->oldest_sent_ms;
}

static void
forget_sent(struct usage *usage)
{
    free_entries(usage->sent);
    usage->sent = NULL;
}

static void
give_up_sent(struct usage *usage)
{
    int64_t calls = 0;
    struct entry *entry, *next;
    HASH_ITER (hh, usage->sent, entry, next) {
        /* cppcheck-suppress uninitvar ; the macro sets it */
        calls += entry->calls;
    }
    note_loss(usage, calls);
    forget_sent(usage);
}

/* Class 22, data exception: a value that is refused now is refused always, and would keep everything behind
 * it from being written. */
static bool
is_refused_for_ever(const struct db_result *result)
{
    return db_status(result) == DB_REFUSED && strncmp(db_sqlstate(result), "22", 2) == 0;
}

static void
on_written(const struct db_result *result, void *argument)
{
    struct usage *usage = argument;
    if (db_status(result) == DB_REFUSED && is_to_be_logged(&usage->refusal_logged_ms)) {
        log_warning("query failed", log_text("query", query_texts[QUERY_USAGE_ADD].name),
                    log_text("sqlstate", db_sqlstate(result)), log_text("reason", db_message(result)));
    }
    if (db_status(result) == DB_OK) {
        forget_sent(usage);
    } else if (is_refused_for_ever(result)) {
        give_up_sent(usage);
    } else {
        take_back(usage);
    }
}

/* Moves the first entries to those that are sent, and writes them down. */
static void
take_batch(struct usage *usage)
{
    struct entry *entry, *next;
    int64_t now_us = clock_monotonic_us();
    size_t taken = 0;
    json_open_array(usage->writer);
    HASH_ITER (hh, usage->entries, entry, next) {
        if (taken++ == BATCH_MAX) {
            break;
        }
        /* cppcheck-suppress uninitvar ; the macro sets it */
        write_entry(usage->writer, entry, now_us);
        HASH_DEL(usage->entries, entry);
        HASH_ADD(hh, usage->sent, key, sizeof(entry->key), entry);
    }
    json_close_array(usage->writer);
    usage->oldest_sent_ms = usage->oldest_ms;
    usage->oldest_ms = usage->entries ? usage->oldest_ms : 0;
}

void
usage_flush(struct usage *usage)
{
    if (!usage->entries || usage->sent || !db_usable(usage->db)) {
        return;
    }
    take_batch(usage);
    size_t length;
    const char *json = json_writer_bytes(usage->writer, &length);
    db_call(usage->db, QUERY_USAGE_ADD, &DB_BINARY(json, (int)length), false, on_written, usage);
    json_writer_reset(usage->writer);
}

bool
usage_is_flushed(const struct usage *usage)
{
    return !usage->entries && !usage->sent;
}

int64_t
usage_lag_ms(const struct usage *usage)
{
    int64_t oldest = usage->sent ? usage->oldest_sent_ms : usage->oldest_ms;
    return oldest ? clock_monotonic_ms() - oldest : 0;
}

uint64_t
usage_lost(const struct usage *usage)
{
    return usage->lost;
}
/* NOLINTEND(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */
