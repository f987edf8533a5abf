#include "server/database/batched_read.h"
#include "server/database/id_array.h"
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "scripted_db.h"

#define QUERY QUERY_PROJECTS_LIST_FOR_MEMBER

static struct event_base *base;
static struct db *db;
static struct batched_read *batched;

static struct {
    int answers, first, count;
    enum db_status status;
} reads[64];
static int read_count;
static bool again; /* read once more from within the next callback */

static void begin(int64_t number);

static void
on_rows(const struct db_result *result, int first, int count, void *argument)
{
    int index = (int)(intptr_t)argument;
    reads[index].answers++;
    reads[index].first = first;
    reads[index].count = count;
    reads[index].status = db_status(result);
    if (again) {
        again = false;
        begin(99);
    }
}

static void
begin(int64_t number)
{
    int64_t numbers[BATCHED_READ_PARAMETERS_MAX];
    for (int i = 0; i < query_texts[QUERY].parameters; i++) {
        numbers[i] = number + i;
    }
    batched_read_call(batched, numbers, on_rows, (void *)(intptr_t)read_count++);
    memset(numbers, 0xff, sizeof(numbers)); /* they are copied */
}

static struct db *
choose(void *argument)
{
    return argument;
}

static void
end_turn(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static int
set_up(void **state)
{
    (void)state;
    const struct db_options options = { .url = "" };
    scripted_reset();
    memset(reads, 0, sizeof(reads));
    read_count = 0;
    again = false;
    base = event_base_new();
    db = db_new(base, &options);
    batched = batched_read_new(base, QUERY, choose, db);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    batched_read_free(batched);
    db_free(db);
    event_base_free(base);
    for (int i = 0; i < read_count; i++) {
        assert_int_equal(reads[i].answers, 1);
    }
    assert_int_equal(scripted.results, 0);
    return 0;
}

static void
test_the_reads_of_a_turn_share_a_query(void **state)
{
    (void)state;
    begin(10);
    begin(20);
    begin(30);
    assert_int_equal(scripted.count, 0);
    end_turn();
    assert_int_equal(scripted.count, 1);
    assert_int_equal(scripted.calls[0].query, QUERY);
    for (int i = 0; i < query_texts[QUERY].parameters; i++) {
        int64_t numbers[ID_ARRAY_MAX];
        assert_int_equal(scripted_numbers(0, i, numbers), 3);
        assert_int_equal(numbers[0], 10 + i);
        assert_int_equal(numbers[1], 20 + i);
        assert_int_equal(numbers[2], 30 + i);
    }
    answer(0, (const char *const[]){ "1", "1", "3" }, 3, 1);
    assert_int_equal(reads[0].first, 0);
    assert_int_equal(reads[0].count, 2);
    assert_int_equal(reads[1].count, 0);
    assert_int_equal(reads[2].first, 2);
    assert_int_equal(reads[2].count, 1);
}

static void
test_none_has_a_row(void **state)
{
    (void)state;
    begin(10);
    begin(20);
    end_turn();
    answer(0, NULL, 0, 1);
    assert_int_equal(reads[0].count, 0);
    assert_int_equal(reads[1].count, 0);
    assert_int_equal(reads[0].status, DB_OK);
}

static void
test_a_full_query_is_sent_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < ID_ARRAY_MAX; i++) {
        begin(i);
    }
    assert_int_equal(scripted.count, 1);
    begin(100);
    end_turn();
    assert_int_equal(scripted.count, 2);
    int64_t numbers[ID_ARRAY_MAX];
    assert_int_equal(scripted_numbers(0, 0, numbers), ID_ARRAY_MAX);
    assert_int_equal(scripted_numbers(1, 0, numbers), 1);
    assert_int_equal(numbers[0], 100);
    answer(1, (const char *const[]){ "1" }, 1, 1);
    assert_int_equal(reads[ID_ARRAY_MAX].count, 1);
    assert_int_equal(reads[0].answers, 0);
    answer(0, (const char *const[]){ "24" } /* ID_ARRAY_MAX */, 1, 1);
    assert_int_equal(reads[ID_ARRAY_MAX - 1].count, 1);
}

static void
test_a_failure_ends_all_reads(void **state)
{
    (void)state;
    begin(10);
    begin(20);
    end_turn();
    refuse(0, "57014");
    begin(30);
    end_turn();
    lose(1);
    assert_int_equal(reads[0].status, DB_REFUSED);
    assert_int_equal(reads[1].status, DB_REFUSED);
    assert_int_equal(reads[2].status, DB_UNAVAILABLE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(reads[i].count, 0);
    }
}

static void
test_reading_again_from_within_the_answer(void **state)
{
    (void)state;
    begin(10);
    end_turn();
    again = true;
    answer(0, NULL, 0, 1);
    assert_int_equal(scripted.count, 1);
    end_turn();
    assert_int_equal(scripted.count, 2);
    answer(1, (const char *const[]){ "1" }, 1, 1);
    assert_int_equal(reads[1].count, 1);
}

/* tear_down() checks that its callback came. */
static void
test_reads_gathered_at_the_end_fail_with_the_connection(void **state)
{
    (void)state;
    begin(10);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_reads_of_a_turn_share_a_query),
        TEST(test_none_has_a_row),
        TEST(test_a_full_query_is_sent_at_once),
        TEST(test_a_failure_ends_all_reads),
        TEST(test_reading_again_from_within_the_answer),
        TEST(test_reads_gathered_at_the_end_fail_with_the_connection),
    };
    batched_read_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
