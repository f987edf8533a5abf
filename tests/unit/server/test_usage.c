#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "server/usage.h"
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "scripted_db.h"

#define ENTRIES_MAX 20000
#define BATCH_MAX   4000
#define ROUTE       "/api/v1/api-keys/{id}"

static struct event_base *base;
static struct db *db;
static struct usage *usage;
static struct client_address address;
static struct http_head head;

static int
set_up(void **state)
{
    (void)state;
    const struct db_options options = { .url = "" };
    clock_freeze(INT64_C(1000000000), INT64_C(784111777) * 1000000);
    scripted_reset();
    memset(&head, 0, sizeof(head));
    head.method = HTTP_GET;
    head.user_agent = (struct http_slice){ "curl/8", 6 };
    memset(&address, 0, sizeof(address));
    address.known = true;
    address.bytes[10] = address.bytes[11] = 0xff; /* ::ffff:192.0.2.1 */
    address.bytes[12] = 192;
    address.bytes[14] = 2;
    address.bytes[15] = 1;
    base = event_base_new();
    db = db_new(base, &options);
    usage = usage_new(base, db);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    db_free(db);
    usage_free(usage);
    event_base_free(base);
    clock_release();
    assert_int_equal(scripted.results, 0);
    return 0;
}

static void
pass(int64_t milliseconds)
{
    clock_freeze(clock_monotonic_us() + milliseconds * 1000, clock_wall_us() + milliseconds * 1000);
}

static void
add_call(int64_t token_id, const struct client_address *from, int status)
{
    const struct usage_call call = {
        .token_id = token_id,
        .address = from,
        .user_agent = head.user_agent,
        .method = head.method,
        .route = ROUTE,
        .status = status,
        .ended_us = clock_monotonic_us(),
    };
    usage_add(usage, &call);
}

static void
add(int64_t token_id, int status)
{
    add_call(token_id, &address, status);
}

/* The entries of what was sent last. The caller frees the document. */
static const struct json_value *
sent(struct json_document **ret_document)
{
    const char *error;
    const struct scripted_call *call = &scripted.calls[scripted.count - 1];
    assert_int_equal(call->query, QUERY_USAGE_ADD);
    assert_int_equal(json_read_up_to(SIZE_MAX, call->values[0].bytes, (size_t)call->values[0].length,
                                     ret_document, &error),
                     0);
    return json_root(*ret_document);
}

static int64_t
number(const struct json_value *entry, const char *key)
{
    const struct json_value *value = json_member(entry, key);
    assert_non_null(value);
    return json_integer(value);
}

static void
assert_text(const struct json_value *entry, const char *key, const char *text)
{
    size_t length;
    const struct json_value *value = json_member(entry, key);
    assert_non_null(value);
    assert_string_equal(json_string(value, &length), text);
}

static int64_t
sent_calls(void)
{
    struct json_document *document;
    const struct json_value *entries = sent(&document), *entry;
    int64_t calls = 0;
    for (size_t i = 0; (entry = json_at(entries, i, NULL)); i++) {
        calls += number(entry, "calls");
    }
    json_free(document);
    return calls;
}

static void
test_calls_that_are_alike_are_summed(void **state)
{
    (void)state;
    add(7, 200);
    pass(100);
    add(7, 200);
    add(8, 200);
    add(7, 404);
    pass(50);
    assert_int_equal(scripted.count, 0);
    usage_flush(usage);
    struct json_document *document;
    const struct json_value *entries = sent(&document), *first = json_at(entries, 0, NULL);
    assert_non_null(json_at(entries, 2, NULL));
    assert_null(json_at(entries, 3, NULL));
    assert_int_equal(number(first, "token"), 7);
    assert_int_equal(number(first, "status"), 200);
    assert_int_equal(number(first, "calls"), 2);
    assert_int_equal(number(first, "age"), 50); /* of the last one */
    assert_text(first, "address", "192.0.2.1");
    assert_text(first, "client", "curl/8");
    assert_text(first, "method", "GET");
    assert_text(first, "route", ROUTE);
    json_free(document);
    assert_false(usage_is_flushed(usage));
    answer(0, NULL, 0, 0);
    assert_true(usage_is_flushed(usage));
}

static void
test_one_write_at_a_time(void **state)
{
    (void)state;
    add(7, 200);
    usage_flush(usage);
    add(8, 200);
    usage_flush(usage);
    assert_int_equal(scripted.count, 1);
    answer(0, NULL, 0, 0);
    assert_false(usage_is_flushed(usage));
    usage_flush(usage);
    assert_int_equal(scripted.count, 2);
    answer(1, NULL, 0, 0);
    usage_flush(usage);
    assert_int_equal(scripted.count, 2);
}

/* By its timer, in real time: the first turn comes when the first sum is due. */
static void
wait_for_write(int count)
{
    while (scripted.count < count) {
        event_base_loop(base, EVLOOP_ONCE);
    }
}

static void
test_what_is_due_is_written_in_parts(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 2000; id++) {
        add(id, 200);
    }
    pass(1000);
    add(2001, 200);
    wait_for_write(1);
    assert_int_equal(sent_calls(), 20); /* a hundredth */
    answer(0, NULL, 0, 0);
    wait_for_write(2);
    assert_int_equal(sent_calls(), 19);
    answer(1, NULL, 0, 0);
}

static void
test_few_that_are_due_are_written_at_once(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 8; id++) {
        add(id, 200);
    }
    pass(1000);
    add(9, 200); /* waits for its own second */
    wait_for_write(1);
    assert_int_equal(sent_calls(), 8);
    answer(0, NULL, 0, 0);
    assert_false(usage_is_flushed(usage));
    usage_flush(usage);
    assert_int_equal(sent_calls(), 1);
    answer(1, NULL, 0, 0);
}

static void
test_what_comes_back_stays_older_than_the_rest(void **state)
{
    (void)state;
    add(7, 200);
    usage_flush(usage);
    pass(400);
    add(8, 200);
    lose(0);
    assert_int_equal(usage_lag_ms(usage), 400);
    pass(600);
    wait_for_write(2);
    struct json_document *document;
    const struct json_value *entries = sent(&document);
    assert_int_equal(number(json_at(entries, 0, NULL), "token"), 7);
    assert_null(json_at(entries, 1, NULL));
    json_free(document);
    answer(1, NULL, 0, 0);
    assert_int_equal(usage_lag_ms(usage), 600);
}

static void
test_what_was_not_taken_is_sent_again(void **state)
{
    (void)state;
    add(7, 200);
    usage_flush(usage);
    pass(1000);
    add(7, 200);
    lose(0);
    usage_flush(usage);
    assert_int_equal(sent_calls(), 2);
    refuse(1, "57014");
    usage_flush(usage);
    assert_int_equal(sent_calls(), 2);
    assert_int_equal(usage_lag_ms(usage), 1000);
    answer(2, NULL, 0, 0);
    assert_int_equal(usage_lag_ms(usage), 0);
    assert_int_equal(usage_lost(usage), 0);
}

/* A value that PostgreSQL will never take must not keep the rest from being written for ever. */
static void
test_what_can_never_be_taken_is_given_up(void **state)
{
    (void)state;
    add(7, 200);
    add(7, 200);
    usage_flush(usage);
    add(8, 200);
    refuse(0, "22P02");
    assert_int_equal(usage_lost(usage), 2);
    usage_flush(usage);
    assert_int_equal(sent_calls(), 1);
    answer(1, NULL, 0, 0);
    assert_true(usage_is_flushed(usage));
}

static void
test_nothing_is_sent_while_postgresql_is_away(void **state)
{
    (void)state;
    db->usable = false;
    add(7, 200);
    usage_flush(usage);
    assert_int_equal(scripted.count, 0);
    pass(3000);
    assert_int_equal(usage_lag_ms(usage), 3000);
    db->usable = true;
    usage_flush(usage);
    assert_int_equal(sent_calls(), 1);
    answer(0, NULL, 0, 0);
}

static void
test_what_is_kept_is_bounded(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= ENTRIES_MAX + 5; id++) {
        add(id, 200);
    }
    assert_int_equal(usage_lost(usage), 5);
    add(1, 200); /* one that is known still counts */
    assert_int_equal(usage_lost(usage), 5);
}

/* A batch of BATCH_MAX entries, then the rest. */
static void
test_many_are_written_in_turns(void **state)
{
    (void)state;
    int64_t calls = 0;
    for (int64_t id = 1; id <= 2 * BATCH_MAX + 1; id++) {
        add(id, 200);
    }
    for (int i = 0; i < 3; i++) {
        usage_flush(usage);
        calls += sent_calls();
        answer(i, NULL, 0, 0);
    }
    assert_int_equal(calls, 2 * BATCH_MAX + 1);
    assert_true(usage_is_flushed(usage));
}

static void
test_a_client_and_an_address_may_be_unknown(void **state)
{
    (void)state;
    head.user_agent = (struct http_slice){ NULL, 0 };
    address.known = false;
    add(7, 200);
    usage_flush(usage);
    struct json_document *document;
    const struct json_value *entry = json_at(sent(&document), 0, NULL);
    assert_int_equal(json_type(json_member(entry, "address")), JSON_NULL);
    assert_text(entry, "client", "");
    json_free(document);
    answer(0, NULL, 0, 0);
}

/* As for calls over the limit, whose client could choose the parts of the key. */
static void
test_without_an_address_the_client_does_not_tell_apart(void **state)
{
    (void)state;
    char agent[16];
    for (int i = 0; i < 10; i++) {
        head.user_agent.length = (size_t)snprintf(agent, sizeof(agent), "ci/%d", i);
        head.user_agent.bytes = agent;
        add_call(7, NULL, 429);
    }
    usage_flush(usage);
    struct json_document *document;
    const struct json_value *entries = sent(&document), *entry = json_at(entries, 0, NULL);
    assert_null(json_at(entries, 1, NULL));
    assert_int_equal(number(entry, "calls"), 10);
    assert_int_equal(json_type(json_member(entry, "address")), JSON_NULL);
    assert_text(entry, "client", "");
    json_free(document);
    answer(0, NULL, 0, 0);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_calls_that_are_alike_are_summed),
        TEST(test_one_write_at_a_time),
        TEST(test_what_is_due_is_written_in_parts),
        TEST(test_few_that_are_due_are_written_at_once),
        TEST(test_what_comes_back_stays_older_than_the_rest),
        TEST(test_what_was_not_taken_is_sent_again),
        TEST(test_what_can_never_be_taken_is_given_up),
        TEST(test_nothing_is_sent_while_postgresql_is_away),
        TEST(test_what_is_kept_is_bounded),
        TEST(test_many_are_written_in_turns),
        TEST(test_a_client_and_an_address_may_be_unknown),
        TEST(test_without_an_address_the_client_does_not_tell_apart),
    };
    usage_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
