#include "server/streams/hub.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>

#include "../scripted_db.h"
#include "server/streams/news.h"

#define TOLD_MAX 200

/* What a member was told, in its order. */
struct listener {
    char after[TOLD_MAX][16];
    bool is_reset[TOLD_MAX];
    int news, session_ends;
};

static struct event_base *base;
static struct hub *hub;

static int
set_up(void **state)
{
    (void)state;
    base = event_base_new();
    hub = hub_new();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    hub_free(hub);
    event_base_free(base);
    return 0;
}

static void
on_news(const struct news *news, void *argument)
{
    struct listener *listener = argument;
    assert_true(listener->news < TOLD_MAX);
    snprintf(listener->after[listener->news], sizeof(listener->after[0]), "%s", news->after);
    listener->is_reset[listener->news++] = news->is_reset;
}

static void
on_session_end(void *argument)
{
    struct listener *listener = argument;
    listener->session_ends++;
}

static struct hub_member *
join(struct listener *listener)
{
    const struct hub_events events = { on_news, on_session_end, listener };
    return hub_join(hub, base, &events);
}

/* News that lead to the snapshot of that number. */
static void
tell(int number)
{
    char after[16];
    snprintf(after, sizeof(after), "%d:%d:", number, number);
    const char *cells[8] = { after, "f" };
    const struct db_result result = { .status = DB_OK, .rows = 1, .columns = 8, .cells = cells };
    struct news *news = news_of_result(&result, "");
    hub_tell_news(hub, news);
    news_free(news);
}

static void
test_a_person_has_ten_streams_at_most(void **state)
{
    (void)state;
    for (int i = 0; i < HUB_PERSON_MAX; i++) {
        assert_int_equal(hub_admit(hub, 7), HUB_ADMITTED);
    }
    assert_int_equal(hub_admit(hub, 7), HUB_PERSON_FULL);
    assert_int_equal(hub_admit(hub, 8), HUB_ADMITTED);
    assert_int_equal(hub_count(hub), HUB_PERSON_MAX + 1);
    hub_release(hub, 7);
    assert_int_equal(hub_admit(hub, 7), HUB_ADMITTED);
    hub_release(hub, 8);
    for (int i = 0; i < HUB_PERSON_MAX; i++) {
        hub_release(hub, 7);
    }
    assert_int_equal(hub_count(hub), 0);
}

static void
test_all_persons_have_so_many(void **state)
{
    (void)state;
    for (int64_t i = 0; i < HUB_MAX; i++) {
        assert_int_equal(hub_admit(hub, i), HUB_ADMITTED);
    }
    assert_int_equal(hub_admit(hub, HUB_MAX), HUB_FULL);
    assert_int_equal(hub_admit(hub, 0), HUB_FULL);
    hub_release(hub, 0);
    assert_int_equal(hub_admit(hub, HUB_MAX), HUB_ADMITTED);
    for (int64_t i = 1; i <= HUB_MAX; i++) {
        hub_release(hub, i);
    }
    assert_int_equal(hub_count(hub), 0);
}

static void
test_each_member_is_told_in_order_and_from_its_loop(void **state)
{
    (void)state;
    struct listener here = { 0 }, there = { 0 };
    struct hub_member *first = join(&here), *second = join(&there);
    tell(1);
    tell(2);
    hub_tell_session_end(hub);
    hub_tell_session_end(hub);
    assert_int_equal(here.news + here.session_ends, 0); /* not from within the call */
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(here.news, 2);
    assert_int_equal(there.news, 2);
    assert_string_equal(there.after[0], "1:1:");
    assert_string_equal(there.after[1], "2:2:");
    assert_int_equal(here.session_ends, 1); /* one check answers for both */
    assert_int_equal(there.session_ends, 1);
    hub_leave(first);
    tell(3);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(here.news, 2);
    assert_int_equal(there.news, 3);
    tell(4);
    hub_leave(second); /* with news that wait */
    hub_leave(NULL);
}

/* What waits for it is bounded: a reset takes the place of what it has missed, and leads to the same
 * position. */
static void
test_a_member_that_does_not_keep_up_gets_one_reset(void **state)
{
    (void)state;
    struct listener slow = { 0 };
    struct hub_member *member = join(&slow);
    for (int number = 1; number <= 64; number++) {
        tell(number);
    }
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(slow.news, 64);
    for (int number = 65; number <= 64 + 64 + 3; number++) {
        tell(number);
    }
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(slow.news, 64 + 3);
    assert_false(slow.is_reset[63]);
    assert_true(slow.is_reset[64]);
    assert_string_equal(slow.after[64], "129:129:");
    assert_false(slow.is_reset[65]);
    assert_string_equal(slow.after[66], "131:131:");
    hub_leave(member);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_person_has_ten_streams_at_most, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_persons_have_so_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_member_is_told_in_order_and_from_its_loop, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_member_that_does_not_keep_up_gets_one_reset, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
