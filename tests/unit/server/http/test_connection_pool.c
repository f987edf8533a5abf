#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "connection_fixture.h"
#include <poll.h>
#include <time.h>

#define GET  "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
#define BODY "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"

static bool
answered_with_close(void)
{
    return strstr(fixture_receive(), "\r\nConnection: close\r\n") != NULL;
}

/* --- deadlines --- */

static void
test_an_idle_connection_is_closed_after_75_s(void **state)
{
    (void)state;
    fixture_pass(74999);
    assert_int_equal(connection_pool_count(fixture->pool), 1);
    fixture_pass(1);
    assert_int_equal(connection_pool_count(fixture->pool), 0);
    assert_true(fixture_is_shut());
    assert_int_equal(fixture->count, 0);
}

static void
test_a_request_begins_the_idle_time_anew(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_pass(74000);
    fixture_send(GET);
    fixture_pass(74000);
    assert_int_equal(connection_pool_count(fixture->pool), 1);
    fixture_pass(1000);
    assert_int_equal(connection_pool_count(fixture->pool), 0);
}

static void
test_a_head_must_be_whole_within_10_s_of_its_first_byte(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_pass(60000);
    fixture_send("GET / HTTP/1.1\r\n");
    for (int second = 1; second < 10; second++) {
        fixture_pass(1000);
        fixture_send("A: b\r\n");
    }
    fixture_pass(999);
    assert_int_equal(fixture->count, 0);
    fixture_pass(1);
    assert_int_equal(fixture->count, 1);
    assert_int_equal(fixture_last()->code, PROBLEM_REQUEST_TIMEOUT);
    assert_true(answered_with_close());
    assert_true(fixture_is_shut());
}

static void
test_an_answer_is_due_30_s_after_the_first_byte(void **state)
{
    (void)state;
    fixture_send("GET / HTTP/1.1\r\n");
    fixture_pass(9000);
    fixture_send("Host: x\r\n\r\n");
    assert_int_equal(fixture->count, 1);
    fixture_pass(20999);
    assert_int_equal(fixture_last()->deadlines, 0);
    fixture_pass(1);
    assert_int_equal(fixture_last()->deadlines, 1);
    fixture_pass(100000);
    assert_int_equal(fixture_last()->deadlines, 1); /* told once */
    fixture_reply();
    assert_non_null(strstr(fixture_receive(), "\r\n\r\nok"));
    assert_int_equal(fixture_last()->finishes, 1);
}

static void
test_an_answer_from_within_on_deadline(void **state)
{
    (void)state;
    fixture->reply_at_deadline = true;
    fixture_send(GET GET);
    fixture_pass(30000);
    assert_int_equal(fixture->asked[0].deadlines, 1);
    assert_int_equal(fixture->asked[0].finishes, 1);
    assert_int_equal(fixture->count, 2); /* with 30 s of its own */
    fixture_pass(29999);
    assert_int_equal(fixture->asked[1].deadlines, 0);
    fixture_pass(1);
    assert_int_equal(fixture->asked[1].deadlines, 1);
}

static void
test_a_body_that_does_not_come_is_408(void **state)
{
    (void)state;
    fixture->want_body = fixture->reply_at_once = true;
    fixture_send(BODY "he");
    fixture_pass(15000);
    fixture_send("l");
    fixture_pass(14999);
    assert_int_equal(fixture_last()->bodies, 0);
    fixture_pass(1);
    assert_int_equal(fixture_last()->bodies, 1);
    assert_int_equal(fixture_last()->deadlines, 0);
    assert_int_equal(fixture_last()->body_code, PROBLEM_REQUEST_TIMEOUT);
    assert_true(answered_with_close());
}

static void
test_an_unwanted_body_is_not_waited_for_long(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send(BODY "he");
    fixture_pass(9999);
    assert_int_equal(connection_pool_count(fixture->pool), 1);
    fixture_pass(1);
    assert_int_equal(connection_pool_count(fixture->pool), 0);
}

static void
test_a_client_that_does_not_read_is_cut_after_30_s(void **state)
{
    (void)state;
    static char body[1 << 20];
    fixture->reply_at_once = true;
    fixture->reply.body = body;
    fixture->reply.body_length = sizeof(body);
    fixture_send(GET);
    fixture_pass(29999);
    assert_int_equal(connection_pool_count(fixture->pool), 1);
    size_t before = fixture->first->socket.output_sent;
    while (fixture->first->socket.output_sent == before) {
        assert_true(fixture_receive() && fixture->received_length);
    }
    fixture_pass(29999);
    assert_int_equal(fixture_last()->finishes, 0);
    fixture_pass(1);
    assert_int_equal(fixture_last()->finishes, 1);
    assert_false(fixture_last()->sent);
    assert_int_equal(connection_pool_count(fixture->pool), 0);
}

static void
test_a_refused_client_is_waited_for_2_s(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send("\r\n\r\n");
    assert_true(answered_with_close());
    fixture_pass(1999);
    assert_int_equal(fixture->first->state, CONNECTION_LINGERING);
    fixture_send("more");
    fixture_pass(1);
    assert_int_equal(connection_pool_count(fixture->pool), 0);
}

static void
test_a_refused_client_that_sends_on_is_cut(void **state)
{
    (void)state;
    char bytes[8192] = "";
    fixture->reply_at_once = true;
    fixture_send("\r\n\r\n");
    for (size_t sent = 0; sent < CONNECTION_SKIP_MAX; sent += sizeof(bytes)) {
        assert_int_equal(connection_pool_count(fixture->pool), 1);
        fixture_send_bytes(bytes, sizeof(bytes));
    }
    assert_int_equal(connection_pool_count(fixture->pool), 0);
}

/* However long the loop was held up, and however its deadlines lie. */
static void
test_a_long_stop_of_the_clock_loses_no_deadline(void **state)
{
    (void)state;
    fixture_send(GET);
    fixture_pass(1000 * 1000);
    assert_int_equal(fixture_last()->deadlines, 1);
    int second = fixture_connect();
    assert_int_equal(send(second, GET, sizeof(GET) - 1, 0), sizeof(GET) - 1);
    clock_freeze(clock_monotonic_us() + 400000 * INT64_C(1000), clock_wall_us());
    fixture_turn();
    fixture_pass(29999);
    assert_int_equal(fixture_last()->deadlines, 0);
    fixture_pass(1);
    assert_int_equal(fixture_last()->deadlines, 1);
    close(second);
}

static void
test_the_timer_sweeps_by_itself(void **state)
{
    (void)state;
    clock_freeze(clock_monotonic_us() + 75000000, clock_wall_us());
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        event_base_loop(fixture->base, EVLOOP_ONCE);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (connection_pool_count(fixture->pool) && now.tv_sec - begin.tv_sec < 20);
    assert_int_equal(connection_pool_count(fixture->pool), 0);
}

/* --- room --- */

static void
use_capacity(size_t capacity)
{
    connection_pool_free(fixture->pool);
    close(fixture->client);
    fixture_open_pool(capacity);
    fixture->client = fixture_connect();
    fixture->first = TAILQ_FIRST(&fixture->pool->idle);
}

static bool
is_open(int fd)
{
    char byte;
    fixture_turn();
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

static void
test_the_longest_idle_makes_room(void **state)
{
    (void)state;
    use_capacity(2);
    int second = fixture_connect();
    fixture->reply_at_once = true;
    fixture_send(GET); /* so that the second has been idle longer */
    int third = fixture_connect();
    assert_int_equal(connection_pool_count(fixture->pool), 2);
    assert_true(is_open(fixture->client));
    assert_false(is_open(second));
    assert_true(is_open(third));
    close(second);
    close(third);
}

static void
test_without_room_a_client_is_turned_away(void **state)
{
    (void)state;
    use_capacity(1);
    fixture_send(GET);
    int ends[2];
    char answer[1024];
    const struct sockaddr peer = { .sa_family = AF_UNIX };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(send(ends[1], GET, sizeof(GET) - 1, 0), sizeof(GET) - 1);
    assert_false(connection_open(fixture->pool, ends[0], &peer, sizeof(peer)));
    ssize_t length = recv(ends[1], answer, sizeof(answer) - 1, 0);
    assert_true(length > 0);
    answer[length] = '\0';
    assert_memory_equal(answer, "HTTP/1.1 503 Service Unavailable\r\n", 34);
    const char *body = strstr(answer, "\r\n\r\n") + 4;
    const char *announced = strstr(answer, "Content-Length: ");
    assert_non_null(announced);
    assert_int_equal(strtoul(announced + 16, NULL, 10), strlen(body));
    assert_string_equal(body,
                        "{\"type\":\"/problems/unavailable\",\"title\":\"Temporarily unavailable\","
                        "\"status\":503,\"detail\":\"Too many connections are open; try again in a moment.\","
                        "\"code\":\"unavailable\"}");
    assert_int_equal(recv(ends[1], answer, sizeof(answer), 0), 0);
    close(ends[1]);
    assert_int_equal(connection_pool_count(fixture->pool), 1);
    fixture_reply();
    assert_non_null(strstr(fixture_receive(), "ok"));
}

static void
test_reaping_takes_idle_ones_first_then_lingering_ones(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    fixture_send("\r\n\r\n"); /* lingers */
    int idle = fixture_connect(), busy = fixture_connect();
    fixture->reply_at_once = false;
    assert_int_equal(send(busy, GET, sizeof(GET) - 1, 0), sizeof(GET) - 1);
    fixture_turn();
    assert_int_equal(connection_pool_reap(fixture->pool, 1), 1);
    assert_false(is_open(idle));
    assert_int_equal(fixture->first->state, CONNECTION_LINGERING);
    assert_int_equal(connection_pool_reap(fixture->pool, 5), 1);
    assert_int_equal(connection_pool_reap(fixture->pool, 5), 0);
    assert_int_equal(connection_pool_count(fixture->pool), 1);
    assert_true(is_open(busy));
    close(idle);
    close(busy);
}

/* A client at 192.0.2.`last` that has sent this. */
static int
connect_from(unsigned char last, const char *sent)
{
    int ends[2];
    const struct sockaddr_in peer = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xC0000200U | last) };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_true(connection_open(fixture->pool, ends[0], (const struct sockaddr *)&peer, sizeof(peer)));
    assert_int_equal(send(ends[1], sent, strlen(sent), 0), strlen(sent));
    fixture_turn();
    fixture_pass(1);
    return ends[1];
}

static bool
was_answered_and_closed(int fd)
{
    char answer[4096];
    fixture_turn();
    return recv(fd, answer, sizeof(answer), 0) > 0 && recv(fd, answer, sizeof(answer), 0) == 0;
}

static void
test_the_oldest_unfinished_of_the_busiest_address_makes_room(void **state)
{
    (void)state;
    use_capacity(5);
    fixture_send(GET); /* is being handled, so it is not the client that is slow */
    fixture->want_body = fixture->reply_at_once = true;
    fixture->limit = 100;
    int oldest = connect_from(1, "GET / HT"), first = connect_from(2, BODY "he"),
        second = connect_from(2, "GET / HT"), third = connect_from(2, BODY);
    assert_int_equal(connection_pool_count(fixture->pool), 5);
    int fresh = connect_from(3, "GET");
    assert_true(was_answered_and_closed(first));
    assert_true(is_open(oldest) && is_open(second) && is_open(third) && is_open(fresh));
    assert_int_equal(connection_pool_evicted(fixture->pool), 1);
    assert_int_equal(fixture->asked[1].body_code, PROBLEM_UNAVAILABLE);
    assert_int_equal(fixture->asked[1].finishes, 1);
    /* The next of that address, which has not sent a whole head. */
    int another = connect_from(4, "GET");
    assert_true(was_answered_and_closed(second));
    assert_true(is_open(oldest) && is_open(third) && is_open(fresh) && is_open(another));
    assert_int_equal(fixture_last()->code, PROBLEM_UNAVAILABLE);
    assert_int_equal(connection_pool_evicted(fixture->pool), 2);
    assert_int_equal(connection_pool_count(fixture->pool), 5);
    const int clients[] = { oldest, first, second, third, fresh, another };
    for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        close(clients[i]);
    }
}

static void
test_a_client_that_does_not_read_makes_room(void **state)
{
    (void)state;
    static char body[1 << 20];
    use_capacity(2);
    fixture->reply_at_once = true;
    fixture->reply.body = body;
    fixture->reply.body_length = sizeof(body);
    int slow = connect_from(1, GET);
    fixture_send(GET);
    fixture->reply_at_once = false;
    int fresh = connect_from(2, GET);
    assert_int_equal(connection_pool_count(fixture->pool), 2);
    assert_int_equal(connection_pool_evicted(fixture->pool), 1);
    assert_int_equal(connection_pool_reap(fixture->pool, 16), 1);
    assert_int_equal(connection_pool_reap(fixture->pool, 16), 0);
    assert_true(is_open(fresh));
    close(slow);
    close(fresh);
}

static void
test_an_idle_connection_holds_no_input(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    assert_null(fixture->first->input);
    fixture_send(GET);
    assert_null(fixture->first->input);
    const struct connection_input *cached = STAILQ_FIRST(&fixture->pool->cache);
    assert_non_null(cached);
    /* and what it held is wiped */
    for (size_t i = 0; i < sizeof(GET); i++) {
        assert_int_equal(cached->bytes[i], 0);
    }
}

/* --- shutting down --- */

/* A connection that has been answered once. */
static int
connect_and_be_answered(void)
{
    int fd = fixture_connect();
    bool reply_at_once = fixture->reply_at_once;
    char answer[4096];
    fixture->reply_at_once = true;
    assert_int_equal(send(fd, GET, sizeof(GET) - 1, 0), sizeof(GET) - 1);
    fixture_turn();
    assert_true(recv(fd, answer, sizeof(answer), 0) > 0);
    fixture->reply_at_once = reply_at_once;
    return fd;
}

static void
test_a_shutdown_answers_clients_that_are_still_sending(void **state)
{
    (void)state;
    fixture->want_body = fixture->reply_at_once = true;
    fixture->limit = 100;
    fixture_send(BODY "he");
    int head = fixture_connect();
    assert_int_equal(send(head, "GET / HT", 8, 0), 8);
    fixture_turn();
    connection_pool_drain(fixture->pool);
    assert_int_equal(connection_pool_count(fixture->pool), 2);
    connection_pool_refuse_unfinished(fixture->pool);
    assert_int_equal(fixture->count, 2);
    assert_int_equal(fixture->asked[0].body_code, PROBLEM_UNAVAILABLE);
    assert_int_equal(fixture->asked[1].code, PROBLEM_UNAVAILABLE);
    assert_true(answered_with_close());
    char answer[1024];
    assert_true(recv(head, answer, sizeof(answer), 0) > 0);
    fixture_pass(2000); /* they linger */
    assert_int_equal(connection_pool_count(fixture->pool), 0);
    close(head);
}

static void
test_drain_closes_idle_ones_now_and_others_after_their_answer(void **state)
{
    (void)state;
    int idle = connect_and_be_answered();
    fixture_send(GET GET);
    connection_pool_drain(fixture->pool);
    assert_false(is_open(idle));
    assert_int_equal(connection_pool_count(fixture->pool), 1);
    fixture_reply();
    assert_true(answered_with_close());
    assert_int_equal(fixture->count, 2);
    assert_true(fixture_is_shut());
    close(idle);
    close(fixture->client);
    fixture->client = -1;
    fixture_turn();
    assert_int_equal(connection_pool_count(fixture->pool), 0);
}

static void
test_drain_still_answers_what_has_arrived(void **state)
{
    (void)state;
    close(fixture->client);
    fixture->client = connect_and_be_answered();
    fixture->reply_at_once = true;
    assert_int_equal(send(fixture->client, GET, sizeof(GET) - 1, 0), sizeof(GET) - 1);
    connection_pool_drain(fixture->pool);
    assert_int_equal(fixture->count, 1);
    assert_true(answered_with_close());
    assert_int_equal(fixture->count, 2);
    assert_true(fixture_is_shut());
}

/* The next request of a client that was not told to close. */
static void
test_drain_answers_what_came_with_the_last_answer(void **state)
{
    (void)state;
    fixture_send(GET);
    assert_int_equal(send(fixture->client, GET, sizeof(GET) - 1, 0), sizeof(GET) - 1);
    fixture_reply();
    connection_pool_drain(fixture->pool);
    assert_false(answered_with_close());
    assert_int_equal(fixture->count, 2);
    fixture_reply();
    assert_true(answered_with_close());
    assert_true(fixture_is_shut());
}

static void
test_drain_tells_a_pipelining_client(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    for (int i = 0; i < 60; i++) {
        assert_int_equal(send(fixture->client, GET, sizeof(GET) - 1, 0), sizeof(GET) - 1);
    }
    event_base_loop(fixture->base, EVLOOP_ONCE);
    assert_in_range(fixture->count, 1, 59);
    connection_pool_drain(fixture->pool);
    assert_true(answered_with_close());
    assert_true(fixture_is_shut());
}

static void
test_who_has_only_just_come_has_time_until_the_next_drain(void **state)
{
    (void)state;
    fixture->reply_at_once = true;
    int before = fixture_connect();
    connection_pool_drain(fixture->pool);
    int after = fixture_connect();
    fixture_send(GET);
    assert_true(answered_with_close());
    assert_true(is_open(before));
    assert_true(is_open(after));
    connection_pool_drain(fixture->pool);
    assert_false(is_open(before));
    assert_false(is_open(after));
    close(before);
    close(after);
}

static void
test_nobody_is_closed_for_another_while_it_drains(void **state)
{
    (void)state;
    connection_pool_drain(fixture->pool);
    int late = fixture_connect();
    assert_int_equal(connection_pool_reap(fixture->pool, 1), 0);
    assert_true(is_open(late));
    close(late);
}

static void
test_freeing_finishes_what_is_open(void **state)
{
    (void)state;
    int second = fixture_connect();
    fixture_send(GET);
    assert_int_equal(send(second, BODY, sizeof(BODY) - 1, 0), sizeof(BODY) - 1);
    fixture->want_body = true;
    fixture_turn();
    assert_int_equal(fixture->count, 2);
    connection_pool_free(fixture->pool);
    assert_int_equal(fixture->asked[0].finishes, 1);
    assert_int_equal(fixture->asked[1].finishes, 1);
    assert_false(fixture->asked[0].sent || fixture->asked[1].sent);
    close(second);
    fixture_open_pool(10);
    connection_pool_free(NULL);
}

static void
test_freeing_after_an_answer_says_that_it_was_sent(void **state)
{
    (void)state;
    fixture_send(GET);
    fixture_reply();
    connection_pool_free(fixture->pool);
    assert_int_equal(fixture->asked[0].finishes, 1);
    assert_true(fixture->asked[0].sent);
    fixture_open_pool(10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_idle_connection_is_closed_after_75_s),
        TEST(test_a_request_begins_the_idle_time_anew),
        TEST(test_a_head_must_be_whole_within_10_s_of_its_first_byte),
        TEST(test_an_answer_is_due_30_s_after_the_first_byte),
        TEST(test_an_answer_from_within_on_deadline),
        TEST(test_a_body_that_does_not_come_is_408),
        TEST(test_an_unwanted_body_is_not_waited_for_long),
        TEST(test_a_client_that_does_not_read_is_cut_after_30_s),
        TEST(test_a_refused_client_is_waited_for_2_s),
        TEST(test_a_refused_client_that_sends_on_is_cut),
        TEST(test_a_long_stop_of_the_clock_loses_no_deadline),
        TEST(test_the_timer_sweeps_by_itself),
        TEST(test_the_longest_idle_makes_room),
        TEST(test_without_room_a_client_is_turned_away),
        TEST(test_reaping_takes_idle_ones_first_then_lingering_ones),
        TEST(test_the_oldest_unfinished_of_the_busiest_address_makes_room),
        TEST(test_a_client_that_does_not_read_makes_room),
        TEST(test_a_shutdown_answers_clients_that_are_still_sending),
        TEST(test_an_idle_connection_holds_no_input),
        TEST(test_drain_closes_idle_ones_now_and_others_after_their_answer),
        TEST(test_drain_still_answers_what_has_arrived),
        TEST(test_drain_answers_what_came_with_the_last_answer),
        TEST(test_drain_tells_a_pipelining_client),
        TEST(test_who_has_only_just_come_has_time_until_the_next_drain),
        TEST(test_nobody_is_closed_for_another_while_it_drains),
        TEST(test_freeing_finishes_what_is_open),
        TEST(test_freeing_after_an_answer_says_that_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
