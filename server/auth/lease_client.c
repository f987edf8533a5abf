#include "server/auth/lease_client.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/retry.h"
#include "common/text.h"
#include "server/auth/id_hash.h"
#include "server/auth/rate_limits.h"
#include "server/database/handlers.h"
#include "server/metrics.h"
#include <event2/event.h>
#include <stdlib.h>

/* The analyzer loses track of entries in the macros of uthash. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */

#define AGAIN_MS 2 /* for tokens that cannot be asked about yet */

STAILQ_HEAD(question_list, lease_question);

/* What one token needs. */
struct ask {
    int64_t token_id;
    bool wants; /* more calls; else it only gives back, or tells what was counted before */
    bool publishes;
    int64_t calls; /* of requests that need the lease */
    struct question_list questions;
    struct lease_terms terms; /* when it is sent */
    bool is_answered;
    UT_hash_handle hh;
};

/* The numbers of one member of the terms, for all tokens of a batch, as PostgreSQL's text of an array. */
struct numbers {
    char text[LEASE_CLIENT_BATCH_MAX * TEXT_NUMBER_SIZE + 2];
    size_t length;
};

enum { TOKENS, WANTED, RETURNED, WINDOWS, USED, AGES, DEBTS, ARRAYS };

struct lease_client {
    struct rate_limits *limits;
    const struct handlers *handlers;
    struct metrics *metrics;
    struct ask *gathered; /* for the next statement; oldest first: uthash keeps the order of insertion */
    struct ask *sent;     /* the statement under way */
    int64_t sent_us;
    size_t unpublished;
    struct event *turn_end; /* active when asks wait for the end of this turn */
    struct retry_log refusal_log;
    bool is_closed;
    struct numbers arrays[ARRAYS];
};

static db_callback on_leases;

/* In whole milliseconds, as requests are counted: else a wait of a minute would be shown as 61 s. */
static int64_t
now_us(void)
{
    return clock_monotonic_ms() * 1000;
}

/* --- gathering --- */

static struct ask *
find(struct ask *asks, int64_t token_id)
{
    struct ask *ask;
    HASH_FIND(hh, asks, &token_id, sizeof(token_id), ask);
    return ask;
}

static struct ask *
gather(struct lease_client *client, int64_t token_id)
{
    struct ask *ask = find(client->gathered, token_id);
    if (ask) {
        return ask;
    }
    if (!client->gathered && !client->sent && !client->is_closed) {
        event_active(client->turn_end, 0, 0);
    }
    ask = memory_new(1, sizeof(*ask));
    ask->token_id = token_id;
    STAILQ_INIT(&ask->questions);
    HASH_ADD(hh, client->gathered, token_id, sizeof(ask->token_id), ask);
    return ask;
}

void
lease_client_ask(struct lease_client *client, int64_t token_id, int64_t calls)
{
    struct ask *under_way = find(client->sent, token_id);
    if (under_way && under_way->wants) {
        return;
    }
    struct ask *ask = gather(client, token_id);
    ask->wants = true;
    ask->calls += calls;
}

void
lease_client_wait(struct lease_client *client, struct lease_question *question)
{
    struct ask *ask = find(client->sent, question->token_id);
    counter_add(&client->metrics->lease_waits, 1);
    if (!ask || !ask->wants || ask->is_answered) {
        ask = gather(client, question->token_id);
        ask->wants = true;
        ask->calls += question->is_counted ? 0 : 1;
    }
    STAILQ_INSERT_TAIL(&ask->questions, question, in_list);
}

static void
gather_token(int64_t token_id, void *argument)
{
    gather(argument, token_id);
}

static void
gather_to_publish(int64_t token_id, void *argument)
{
    struct lease_client *client = argument;
    struct ask *ask = gather(client, token_id);
    client->unpublished += !ask->publishes;
    ask->publishes = true;
}

void
lease_client_publish(struct lease_client *client)
{
    rate_limits_publish(client->limits, now_us(), gather_to_publish, client);
}

bool
lease_client_has_published(const struct lease_client *client)
{
    return client->unpublished == 0;
}

void
lease_client_second_over(struct lease_client *client)
{
    rate_limits_second_over(client->limits, now_us(), gather_token, client);
}

void
lease_client_give_all_back(struct lease_client *client)
{
    rate_limits_give_all_back(client->limits, gather_token, client);
}

bool
lease_client_is_idle(const struct lease_client *client)
{
    return !client->gathered && !client->sent;
}

/* --- sending --- */

static void
add_number(struct numbers *numbers, int64_t number)
{
    char text[TEXT_NUMBER_SIZE];
    size_t length = text_number(number, text);
    numbers->text[numbers->length] = numbers->length == 0 ? '{' : ',';
    memcpy(numbers->text + numbers->length + 1, text, length);
    numbers->length += 1 + length;
}

static void
add_terms(struct lease_client *client, const struct lease_terms *terms)
{
    const int64_t of_arrays[ARRAYS] = { terms->token_id, terms->wanted, terms->returned, terms->window,
                                        terms->used,     terms->age_us, terms->debt_us };
    for (int i = 0; i < ARRAYS; i++) {
        add_number(&client->arrays[i], of_arrays[i]);
    }
}

/* Moves up to LEASE_CLIENT_BATCH_MAX of the gathered asks to those that are sent, but for tokens that cannot
 * be asked about yet. */
static void
take_batch(struct lease_client *client)
{
    struct ask *ask, *next;
    size_t count = 0;
    for (int i = 0; i < ARRAYS; i++) {
        client->arrays[i].length = 0;
    }
    HASH_ITER (hh, client->gathered, ask, next) {
        if (count == LEASE_CLIENT_BATCH_MAX) {
            break;
        }
        /* cppcheck-suppress uninitvar ; the macro sets it */
        if (!rate_limits_begin_lease(client->limits, ask->token_id, ask->wants, ask->calls, client->sent_us,
                                     &ask->terms)) {
            continue;
        }
        count++;
        HASH_DEL(client->gathered, ask);
        HASH_ADD(hh, client->sent, token_id, sizeof(ask->token_id), ask);
        counter_add(&client->metrics->leases_returned, (uint64_t)ask->terms.returned);
        add_terms(client, &ask->terms);
    }
}

static void
send_batch(struct lease_client *client)
{
    if (!client->gathered || client->sent || client->is_closed) {
        return;
    }
    struct db_value values[ARRAYS + 3];
    client->sent_us = now_us();
    take_batch(client);
    if (!client->sent) {
        event_add(client->turn_end, &(struct timeval){ .tv_usec = AGAIN_MS * 1000 });
        return;
    }
    for (int i = 0; i < ARRAYS; i++) {
        struct numbers *numbers = &client->arrays[i];
        numbers->text[numbers->length++] = '}';
        numbers->text[numbers->length] = '\0';
        values[i] = DB_TEXT(numbers->text);
    }
    values[ARRAYS] = DB_INT64(rate_limits_quota(client->limits));
    values[ARRAYS + 1] = DB_INT64(rate_limits_burst(client->limits));
    values[ARRAYS + 2] = DB_INT64(rate_limits_servers(client->limits));
    counter_add(&client->metrics->lease_statements, 1);
    db_call(handlers_choose(client->handlers, QUERY_RATES_LEASE), QUERY_RATES_LEASE, values, true, on_leases,
            client);
}

static void
on_turn_end(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    send_batch(argument);
}

/* --- the answer --- */

static void
take_leases(struct lease_client *client, const struct db_result *result)
{
    int64_t answered_us = now_us();
    for (int row = 0; row < db_rows(result); row++) {
        struct ask *ask = find(client->sent, db_int64(result, row, 0));
        if (ask && !ask->is_answered) {
            const struct lease_grant grant = { .taken = db_int64(result, row, 1),
                                               .pool = db_int64(result, row, 2),
                                               .window = db_int64(result, row, 3),
                                               .window_left_us = db_int64(result, row, 4),
                                               .wait_us = db_int64(result, row, 5) };
            ask->is_answered = true;
            counter_add(&client->metrics->leases_taken, (uint64_t)grant.taken);
            rate_limits_end_lease(client->limits, &ask->terms, &grant, client->sent_us, answered_us);
        }
    }
}

static void
end_asks(struct lease_client *client, struct ask *asks)
{
    struct ask *ask, *next;
    HASH_ITER (hh, asks, ask, next) {
        /* cppcheck-suppress uninitvar ; the macro sets it */
        HASH_DEL(asks, ask);
        client->unpublished -= ask->publishes;
        struct lease_question *question;
        while ((question = STAILQ_FIRST(&ask->questions))) {
            STAILQ_REMOVE_HEAD(&ask->questions, in_list);
            counter_add(&client->metrics->lease_failures, !ask->is_answered);
            question->callback(ask->is_answered, question->argument);
        }
        free(ask);
    }
}

static void
on_leases(const struct db_result *result, void *argument)
{
    struct lease_client *client = argument;
    if (db_status(result) == DB_OK) {
        take_leases(client, result);
    } else if (db_status(result) == DB_REFUSED && retry_log_is_due(&client->refusal_log)) {
        log_warning("query failed", log_text("query", query_texts[QUERY_RATES_LEASE].name),
                    log_text("sqlstate", db_sqlstate(result)), log_text("reason", db_message(result)));
    }
    struct ask *asks = client->sent, *ask, *next;
    HASH_ITER (hh, asks, ask, next) {
        /* cppcheck-suppress uninitvar ; the macro sets it */
        if (!ask->is_answered) {
            rate_limits_fail_lease(client->limits, &ask->terms);
        }
    }
    client->sent = NULL;
    /* First, so that PostgreSQL works on the next while these requests are served. */
    send_batch(client);
    end_asks(client, asks);
}

/* --- the client --- */

struct lease_client *
lease_client_new(struct event_base *base, const struct handlers *handlers, struct rate_limits *limits,
                 struct metrics *metrics)
{
    struct lease_client *client = memory_new(1, sizeof(*client));
    client->limits = limits;
    client->handlers = handlers;
    client->metrics = metrics;
    client->turn_end = event_new(base, -1, 0, on_turn_end, client);
    return client;
}

void
lease_client_close(struct lease_client *client)
{
    client->is_closed = true;
}

/* Callbacks may ask again, until the last of them has returned. */
void
lease_client_free(struct lease_client *client)
{
    if (!client) {
        return;
    }
    for (struct ask *asks; (asks = client->gathered);) {
        client->gathered = NULL;
        end_asks(client, asks);
    }
    event_free(client->turn_end);
    free(client);
}
/* NOLINTEND(clang-analyzer-unix.Malloc, clang-analyzer-core.NullDereference) */
