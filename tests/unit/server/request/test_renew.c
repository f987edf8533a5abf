#include "server/request/renew.h"
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "loop_fixture.h"

#define QUEUE 4

static const char token[] = "tk_pat_secret", password[] = "correct horse";
static const struct secret_cost former = { 16, 2, 1 };

/* A text that no memory may hold which this thread frees; "": none. */
static _Thread_local char watched[SECRET_HASH_SIZE];
static _Thread_local int blocks_unwiped;

static void
look_at_freed(const volatile void *block)
{
    void *bytes = (void *)(uintptr_t)block;
    if (block && watched[0] && memmem(bytes, malloc_usable_size(bytes), watched, strlen(watched))) {
        blocks_unwiped++;
    }
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
void __sanitizer_free_hook(const volatile void *block);

void
__sanitizer_free_hook(const volatile void *block)
{
    look_at_freed(block);
}
#else
void __libc_free(void *block);

/* In place of the C library's. */
void
free(void *block)
{
    look_at_freed(block);
    __libc_free(block);
}
#endif

static void
make_hash(const char *secret, const struct secret_cost *cost, char ret_hash[SECRET_HASH_SIZE])
{
    assert_int_equal(secret_hash(secret, strlen(secret), cost, ret_hash), 0);
}

static void
assert_renewed(enum query query, const char *id, const char *former_hash, const char *secret)
{
    int call = last_call(query);
    assert_string_equal(scripted.calls[call].values[0].bytes, id);
    assert_string_equal(scripted.calls[call].values[1].bytes, former_hash);
    const char *renewed = scripted.calls[call].values[2].bytes;
    assert_false(secret_needs_rehash(renewed, &server.cost));
    assert_int_equal(secret_verify(renewed, secret, strlen(secret)), SECRET_MATCH);
}

static void
test_a_token_of_former_cost(void **state)
{
    (void)state;
    char hash[SECRET_HASH_SIZE];
    make_hash(token, &former, hash);
    renew_token_hash(&loop, 7, hash, token, strlen(token));
    loop_fixture_wait(0);
    assert_renewed(QUERY_GATE_RENEW_HASH, "7", hash, token);
    answer(0, NULL, 0, 0);
}

static void
test_a_password_of_former_cost(void **state)
{
    (void)state;
    char hash[SECRET_HASH_SIZE];
    make_hash(password, &former, hash);
    renew_password_hash(&loop, 3, hash, password, strlen(password));
    loop_fixture_wait(0);
    assert_renewed(QUERY_SESSIONS_RENEW_HASH, "3", hash, password);
    refuse(0, "57014"); /* the next proof tries again */
}

static void
test_a_hash_of_todays_cost_stays(void **state)
{
    (void)state;
    char hash[SECRET_HASH_SIZE];
    struct hasher_stats stats;
    make_hash(token, &server.cost, hash);
    renew_token_hash(&loop, 7, hash, token, strlen(token));
    hasher_read_stats(server.hasher, &stats);
    assert_int_equal(stats.done + stats.waiting[HASHER_CREATIONS], 0);
}

/* What finds no room is wiped and freed at once. What waits when the loop ends is freed with it, and nothing
 * is written. */
static void
test_a_full_queue_and_the_end(void **state)
{
    (void)state;
    char hash[SECRET_HASH_SIZE];
    make_hash(token, &former, hash);
    memcpy(watched, hash, sizeof(watched));
    for (int i = 0; i < 4 * QUEUE; i++) {
        renew_token_hash(&loop, 7, hash, token, strlen(token));
    }
    watched[0] = '\0';
    struct hasher_stats stats;
    hasher_read_stats(server.hasher, &stats);
    assert_true(stats.refused[HASHER_CREATIONS] > 0);
    assert_int_equal(blocks_unwiped, 0);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, loop_fixture_set_up, loop_fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_token_of_former_cost),
        TEST(test_a_password_of_former_cost),
        TEST(test_a_hash_of_todays_cost_stays),
        TEST(test_a_full_queue_and_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
