#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "scripted_db.h"
#include "worker/listen.h"
#include <cmocka.h>

static int
begin(void **state)
{
    (void)state;
    scripted_reset();
    return 0;
}

static void
test_listens_on_every_channel(void **state)
{
    (void)state;
    assert_int_equal(listen_begin(&scripted), 0);
    assert_string_equal(scripted.script,
                        "listen testkase_tokens;listen testkase_users;listen testkase_reminders;"
                        "listen testkase_outbox;");
}

static void
test_lost_connection(void **state)
{
    (void)state;
    scripted.alive = false;
    assert_int_equal(listen_begin(&scripted), -1);
}

static void
test_nothing_to_take(void **state)
{
    (void)state;
    assert_int_equal(listen_take(&scripted), 0);
}

static void
test_many_notifications_are_one_set(void **state)
{
    (void)state;
    scripted.notifications[0] = "testkase_tokens";
    scripted.notifications[1] = "testkase_reminders";
    scripted.notifications[2] = "testkase_tokens";
    assert_int_equal(listen_take(&scripted), LISTEN_TOKENS | LISTEN_REMINDERS);
    assert_int_equal(scripted.notification, 3);
    assert_int_equal(listen_take(&scripted), 0);
}

static void
test_foreign_channel_is_no_reason_to_work(void **state)
{
    (void)state;
    scripted.notifications[0] = "testkase_token";
    scripted.notifications[1] = "testkase_users";
    assert_int_equal(listen_take(&scripted), LISTEN_USERS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_listens_on_every_channel, begin),
        cmocka_unit_test_setup(test_lost_connection, begin),
        cmocka_unit_test_setup(test_nothing_to_take, begin),
        cmocka_unit_test_setup(test_many_notifications_are_one_set, begin),
        cmocka_unit_test_setup(test_foreign_channel_is_no_reason_to_work, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
