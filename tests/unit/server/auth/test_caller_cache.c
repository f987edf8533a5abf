#include "server/auth/caller_cache.h"
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
    caller_cache_clear(cache, (struct epoch){ 5, 1 });
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    caller_cache_free(cache);
    return 0;
}

/* Puts a new caller of that token, which only the cache references afterwards; NULL when it was not stored.
 */
static struct caller *
put_of_life(int64_t token_id, int64_t epoch, uint64_t life)
{
    struct caller *caller = calloc(1, sizeof(*caller));
    caller->references = 1;
    caller->token_id = token_id;
    caller_cache_put(cache, caller, epoch, life);
    struct caller *kept = caller->references == 2 ? caller : NULL;
    caller_free(caller);
    return kept;
}

static struct caller *
put(int64_t token_id, int64_t epoch)
{
    return put_of_life(token_id, epoch, caller_cache_life(cache));
}

static void
test_nothing_is_found_before_the_first_epoch(void **state)
{
    (void)state;
    caller_cache_clear(cache, (struct epoch){ 0, 1 });
    assert_non_null(put(7, 5));
    assert_null(caller_cache_find(cache, 7));
}

static void
test_a_caller_read_since_the_epoch_is_found(void **state)
{
    (void)state;
    struct caller *caller = put(7, 5), *later = put(8, 6);
    assert_ptr_equal(caller_cache_find(cache, 7), caller);
    assert_ptr_equal(caller_cache_find(cache, 8), later);
    assert_null(caller_cache_find(cache, 9));
    caller_cache_advance(cache, (struct epoch){ 6, 1 }); /* no change concerned them */
    assert_int_equal(caller_cache_epoch(cache).number, 6);
    assert_ptr_equal(caller_cache_find(cache, 7), caller);
    assert_ptr_equal(caller_cache_find(cache, 8), later);
}

/* A change between the two epochs may have concerned it, and would not be applied any more. */
static void
test_a_caller_read_before_the_epoch_is_not_stored(void **state)
{
    (void)state;
    caller_cache_advance(cache, (struct epoch){ 6, 1 });
    assert_null(put(7, 5));
    assert_null(caller_cache_find(cache, 7));
    struct caller *caller = put(7, 6);
    assert_null(put(7, 5));
    assert_ptr_equal(caller_cache_find(cache, 7), caller);
}

static void
test_a_newer_caller_replaces_the_older(void **state)
{
    (void)state;
    put(7, 5);
    struct caller *caller = put(7, 6);
    assert_ptr_equal(caller_cache_find(cache, 7), caller);
    assert_int_equal(caller->references, 1);
}

static void
test_a_change_forgets_a_caller_read_before_it(void **state)
{
    (void)state;
    struct caller *other = put(9, 5);
    put(7, 5);
    struct caller *later = put(8, 6);
    caller_cache_forget(cache, 7, 6);
    caller_cache_forget(cache, 8, 6);
    caller_cache_forget(cache, 10, 6);
    caller_cache_advance(cache, (struct epoch){ 6, 1 });
    assert_null(caller_cache_find(cache, 7));
    assert_ptr_equal(caller_cache_find(cache, 8), later);
    assert_ptr_equal(caller_cache_find(cache, 9), other);
}

/* Also at an earlier epoch, that of a restored database: callers read under later ones mean nothing there. */
static void
test_clearing_forgets_everything(void **state)
{
    (void)state;
    static const int64_t epochs[] = { 3, 5, 8 };
    for (size_t i = 0; i < 3; i++) {
        put(7, 5);
        put(8, 10);
        uint64_t life = caller_cache_life(cache);
        caller_cache_clear(cache, (struct epoch){ epochs[i], 1 });
        assert_int_equal(caller_cache_epoch(cache).number, epochs[i]);
        assert_null(caller_cache_find(cache, 7));
        assert_null(caller_cache_find(cache, 8));
        assert_null(put_of_life(7, 20, life)); /* it was asked for before */
        caller_cache_forget(cache, 8, 1);      /* whatever its epoch says */
        struct caller *caller = put(7, epochs[i]);
        assert_ptr_equal(caller_cache_find(cache, 7), caller);
    }
}

static void
test_a_referenced_caller_outlives_its_entry(void **state)
{
    (void)state;
    struct caller *held = caller_keep(put(7, 5));
    put(7, 6);
    assert_int_equal(held->references, 1);
    assert_int_equal(held->token_id, 7);
    caller_free(held);
}

static void
test_an_unused_caller_is_evicted_first(void **state)
{
    (void)state;
    put(1, 5);
    put(2, 5);
    put(3, 5);
    assert_non_null(caller_cache_find(cache, 1));
    assert_non_null(caller_cache_find(cache, 3));
    put(4, 5);
    assert_null(caller_cache_find(cache, 2));
    assert_non_null(caller_cache_find(cache, 1));
    assert_non_null(caller_cache_find(cache, 3));
    assert_non_null(caller_cache_find(cache, 4));
}

static void
test_when_all_were_used_one_is_evicted_all_the_same(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 1000; id++) {
        put(id, 5);
        assert_non_null(caller_cache_find(cache, id));
    }
    int held = 0;
    for (int64_t id = 1; id <= 1000; id++) {
        held += caller_cache_find(cache, id) != NULL;
    }
    assert_int_equal(held, CAPACITY);
}

static void
test_a_caller_is_kept_for_a_minute(void **state)
{
    (void)state;
    static const int64_t minute = 60000000;
    assert_int_equal(caller_cache_tell_time(cache, 1000), 1000);
    struct caller *caller = put(7, 5);
    assert_int_equal(caller_cache_tell_time(cache, 999 + minute), 999 + minute);
    assert_ptr_equal(caller_cache_find(cache, 7), caller);
    assert_int_equal(caller_cache_tell_time(cache, 1000 + minute), 1000 + minute);
    assert_null(caller_cache_find(cache, 7));
    caller = put(7, 5);
    assert_ptr_equal(caller_cache_find(cache, 7), caller);
}

static void
test_the_latest_time_stays(void **state)
{
    (void)state;
    assert_int_equal(caller_cache_tell_time(cache, 2000), 2000);
    assert_int_equal(caller_cache_tell_time(cache, 1000), 2000);
    caller_cache_clear(cache, (struct epoch){ 1, 1 });
    assert_int_equal(caller_cache_tell_time(cache, 1500), 2000);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_found_before_the_first_epoch),
        TEST(test_a_caller_read_since_the_epoch_is_found),
        TEST(test_a_caller_read_before_the_epoch_is_not_stored),
        TEST(test_a_newer_caller_replaces_the_older),
        TEST(test_a_change_forgets_a_caller_read_before_it),
        TEST(test_clearing_forgets_everything),
        TEST(test_a_referenced_caller_outlives_its_entry),
        TEST(test_an_unused_caller_is_evicted_first),
        TEST(test_when_all_were_used_one_is_evicted_all_the_same),
        TEST(test_a_caller_is_kept_for_a_minute),
        TEST(test_the_latest_time_stays),
    };
    caller_cache_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
