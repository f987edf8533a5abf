#include "server/caller_cache.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define CAPACITY 3

static struct caller_cache *cache;

static int
set_up(void **state)
{
    (void)state;
    cache = caller_cache_new(CAPACITY);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    caller_cache_free(cache);
    return 0;
}

/* Puts a new caller of that token, which only the cache holds afterwards. */
static struct caller *
put(int64_t token_id, int64_t epoch)
{
    struct caller *caller = calloc(1, sizeof(*caller));
    caller->references = 1;
    caller->token_id = token_id;
    caller_cache_put(cache, caller, epoch);
    assert_int_equal(caller->references, 2);
    caller_free(caller);
    return caller;
}

static void
test_only_the_very_epoch_counts(void **state)
{
    (void)state;
    struct caller *caller = put(7, 5);
    assert_ptr_equal(caller_cache_find(cache, 7, 5), caller);
    assert_null(caller_cache_find(cache, 7, 4));
    assert_null(caller_cache_find(cache, 7, 6));
    assert_null(caller_cache_find(cache, 8, 5));
}

static void
test_a_newer_state_takes_the_place(void **state)
{
    (void)state;
    put(7, 5);
    struct caller *caller = put(7, 6);
    assert_null(caller_cache_find(cache, 7, 5));
    assert_ptr_equal(caller_cache_find(cache, 7, 6), caller);
    assert_int_equal(caller->references, 1);
}

/* A reader of an older snapshot may be told after one of a newer: what it says counts for its epoch only. */
static void
test_an_older_state_counts_for_its_epoch_only(void **state)
{
    (void)state;
    put(7, 6);
    put(7, 5);
    assert_null(caller_cache_find(cache, 7, 6));
    assert_non_null(caller_cache_find(cache, 7, 5));
}

static void
test_who_still_holds_a_caller_keeps_it(void **state)
{
    (void)state;
    struct caller *held = caller_keep(put(7, 5));
    put(7, 6);
    assert_int_equal(held->references, 1);
    assert_int_equal(held->token_id, 7);
    caller_free(held);
}

static void
test_what_was_not_used_goes_first(void **state)
{
    (void)state;
    put(1, 1);
    put(2, 1);
    put(3, 1);
    assert_non_null(caller_cache_find(cache, 1, 1));
    assert_non_null(caller_cache_find(cache, 3, 1));
    put(4, 1);
    assert_null(caller_cache_find(cache, 2, 1));
    assert_non_null(caller_cache_find(cache, 1, 1));
    assert_non_null(caller_cache_find(cache, 3, 1));
    assert_non_null(caller_cache_find(cache, 4, 1));
}

static void
test_when_all_are_used_one_goes_all_the_same(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 1000; id++) {
        put(id, 1);
        assert_non_null(caller_cache_find(cache, id, 1));
    }
    int held = 0;
    for (int64_t id = 1; id <= 1000; id++) {
        held += caller_cache_find(cache, id, 1) != NULL;
    }
    assert_int_equal(held, CAPACITY);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_only_the_very_epoch_counts),
        TEST(test_a_newer_state_takes_the_place),
        TEST(test_an_older_state_counts_for_its_epoch_only),
        TEST(test_who_still_holds_a_caller_keeps_it),
        TEST(test_what_was_not_used_goes_first),
        TEST(test_when_all_are_used_one_goes_all_the_same),
    };
    caller_cache_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
