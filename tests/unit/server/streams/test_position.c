#include "server/streams/position.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void
test_a_position_is_read_as_it_was_written(void **state)
{
    (void)state;
    static const char *const snapshots[] = { "1:1:", "7:9:8", "1234:1240:1236,1239",
                                             "999999999999999999:999999999999999999:" };
    for (size_t i = 0; i < sizeof(snapshots) / sizeof(snapshots[0]); i++) {
        char text[POSITION_SIZE], snapshot[POSITION_SNAPSHOT_SIZE];
        position_write(42, snapshots[i], text);
        assert_true(position_read(text, snapshot));
        assert_string_equal(snapshot, snapshots[i]);
    }
}

static void
test_what_postgresql_does_not_take_is_no_position(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",         "7",        "7-",        "7-1",       "7-1:",     "7-1:2",     "-1:2:",
        "x-1:2:",   "7-0:2:",   "7-3:2:",    "7-01:2:",   "7-1:2:2",  "7-1:9:0",   "7-5:9:4",
        "7-1:9:4,", "7-1:9:,4", "7-1:9:5,4", "7-1:9:4,4", "7-1:9:4 ", "7-1:9:4;5", " 7-1:2:",
        "7-1:2:\n", "07-1:2:",  "+7-1:2:",   "7-1:2:1,9", "7--1:2:",  "7-1:-2:",   "7-1:1000000000000000000:",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char snapshot[POSITION_SNAPSHOT_SIZE] = "as before";
        assert_false(position_read(texts[i], snapshot));
        assert_string_equal(snapshot, "as before");
    }
}

static void
test_a_snapshot_sees_what_had_ended(void **state)
{
    (void)state;
    static const char snapshot[] = "10:15:11,13";
    static const bool seen[] = { [9] = true, [10] = true, [12] = true, [14] = true, [16] = false };
    for (int64_t transaction = 9; transaction <= 16; transaction++) {
        assert_int_equal(position_sees(snapshot, transaction), seen[transaction]);
    }
    assert_true(position_sees("10:10:", 9));
    assert_false(position_sees("10:10:", 10));
}

/* Of many transactions that run at once, the oldest is enough to go on from. */
static void
test_a_long_snapshot_becomes_the_oldest_transaction(void **state)
{
    (void)state;
    char snapshot[2 * POSITION_SNAPSHOT_SIZE] = "100:900:", text[POSITION_SIZE], read[POSITION_SNAPSHOT_SIZE];
    size_t length = strlen(snapshot);
    for (int running = 100; length < POSITION_SNAPSHOT_SIZE; running++) {
        length += (size_t)snprintf(snapshot + length, sizeof(snapshot) - length, "%s%d",
                                   running > 100 ? "," : "", running);
    }
    position_write(INT64_MAX, snapshot, text);
    assert_string_equal(text, "9223372036854775807-100:100:");
    position_write(7, snapshot, text);
    assert_true(position_read(text, read));
    assert_string_equal(read, "100:100:");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_position_is_read_as_it_was_written),
        cmocka_unit_test(test_what_postgresql_does_not_take_is_no_position),
        cmocka_unit_test(test_a_snapshot_sees_what_had_ended),
        cmocka_unit_test(test_a_long_snapshot_becomes_the_oldest_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
