#include "server/loop.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "loop_fixture.h"

/* --- connections to PostgreSQL --- */

static void
set_usable(int connection, bool usable)
{
    const struct db *db = scripted.connections[connection];
    scripted.connections[connection]->usable = usable;
    db->options.on_state(scripted.connections[connection], usable, db->options.argument);
}

static void
test_it_is_ready_when_every_connection_was_usable_and_the_others_know(void **state)
{
    (void)state;
    int count = LOOP_DATABASE_CONNECTIONS;
    assert_int_equal(scripted.connection_count, count);
    for (int i = 0; i < count; i++) {
        assert_false(atomic_load(&server.ready));
        set_usable(i, true);
    }
    assert_false(atomic_load(&server.ready));
    answer_next(QUERY_SERVERS_BEAT, NULL, 0, 2);
    assert_true(atomic_load(&server.ready));
    assert_int_equal(counter_read(&loop.metrics.reconnects), 0);
    set_usable(0, false);
    set_usable(0, true);
    assert_true(atomic_load(&server.ready));
    assert_int_equal(counter_read(&loop.metrics.reconnects), 1);
}

static void
test_an_outage_before_it_was_ready_is_waited_for(void **state)
{
    (void)state;
    set_usable(0, false);
    assert_false(atomic_load(&server.failed));
}

/* --- the end --- */

static void
test_idle_connections_end_with_it(void **state)
{
    (void)state;
    loop_stop_all(&server);
    event_base_dispatch(loop.base);
    assert_int_equal(connection_pool_count(loop.pool), 0);
}

static void
test_who_waits_to_be_accepted_is_answered(void **state)
{
    (void)state;
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: keys.example.test\r\n\r\n";
    close(client);
    client = tcp_connect(listener_sockets_address(server.sockets));
    assert_true(client >= 0);
    assert_int_equal(send(client, request, sizeof(request) - 1, 0), sizeof(request) - 1);
    loop_stop_all(&server);
    event_base_dispatch(loop.base);
    assert_answer(200, "Connection: close\r\n");
    assert_int_equal(tcp_connect(listener_sockets_address(server.sockets)), -1);
    assert_int_equal(errno, ECONNREFUSED);
}

static void
test_an_answer_under_way_is_waited_for(void **state)
{
    (void)state;
    send_request("GET /api/v1/session", "Cookie: testkase_session=abc\r\n");
    loop_stop_all(&server);
    loop_fixture_turn();
    assert_int_equal(connection_pool_count(loop.pool), 1);
    answer(last_call(QUERY_SESSIONS_FIND), NULL, 0, 8);
    event_base_dispatch(loop.base);
    assert_answer(401, "Connection: close\r\n");
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, loop_fixture_set_up, loop_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_ready_when_every_connection_was_usable_and_the_others_know),
        TEST(test_an_outage_before_it_was_ready_is_waited_for),
        TEST(test_idle_connections_end_with_it),
        TEST(test_who_waits_to_be_accepted_is_answered),
        TEST(test_an_answer_under_way_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
