#include "server/auth/second_chance.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CAPACITY 3

static struct entry {
    struct second_chance_link link;
} entries[6];
static struct second_chance order;

static int
set_up(void **state)
{
    (void)state;
    second_chance_init(&order, CAPACITY);
    for (int i = 0; i < CAPACITY; i++) {
        second_chance_add(&order, &entries[i].link);
    }
    return 0;
}

static void
assert_evicts(int entry)
{
    assert_ptr_equal(second_chance_victim(&order), &entries[entry].link);
    second_chance_remove(&order, &entries[entry].link);
}

static void
test_while_there_is_room_nothing_is_evicted(void **state)
{
    (void)state;
    second_chance_remove(&order, &entries[1].link);
    assert_null(second_chance_victim(&order));
    second_chance_add(&order, &entries[1].link);
    assert_non_null(second_chance_victim(&order));
}

static void
test_the_oldest_goes_first(void **state)
{
    (void)state;
    for (int i = CAPACITY; i < 6; i++) {
        assert_evicts(i - CAPACITY);
        second_chance_add(&order, &entries[i].link);
    }
    assert_evicts(CAPACITY);
}

static void
test_what_was_used_goes_later(void **state)
{
    (void)state;
    second_chance_use(&entries[0].link);
    second_chance_use(&entries[0].link);
    assert_evicts(1);
    second_chance_add(&order, &entries[3].link);
    assert_evicts(2);
    second_chance_add(&order, &entries[4].link);
    assert_evicts(0); /* not used again since */
}

static void
test_when_all_were_used_the_oldest_goes(void **state)
{
    (void)state;
    for (int i = 0; i < CAPACITY; i++) {
        second_chance_use(&entries[i].link);
    }
    assert_evicts(0);
    second_chance_add(&order, &entries[3].link);
    assert_evicts(1); /* each was given one more chance, not two */
}

/* An entry that is added again starts anew. */
static void
test_a_use_before_it_was_added_does_not_count(void **state)
{
    (void)state;
    second_chance_remove(&order, &entries[0].link);
    second_chance_use(&entries[0].link);
    second_chance_add(&order, &entries[0].link);
    second_chance_use(&entries[1].link);
    second_chance_use(&entries[2].link);
    assert_evicts(0);
}

static void
test_any_empties_it(void **state)
{
    (void)state;
    int count = 0;
    for (struct second_chance_link *link; (link = second_chance_any(&order)); count++) {
        second_chance_remove(&order, link);
    }
    assert_int_equal(count, CAPACITY);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, set_up)
    const struct CMUnitTest tests[] = {
        TEST(test_while_there_is_room_nothing_is_evicted),
        TEST(test_the_oldest_goes_first),
        TEST(test_what_was_used_goes_later),
        TEST(test_when_all_were_used_the_oldest_goes),
        TEST(test_a_use_before_it_was_added_does_not_count),
        TEST(test_any_empties_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
