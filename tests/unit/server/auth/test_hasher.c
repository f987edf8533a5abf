#include "common/clock.h"
#include "common/memory.h"
#include "server/auth/hasher.h"
#include <dirent.h>
#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct secret_cost cost = { 64, 1, 1 };

/* What came back. */
struct outcome {
    int count, of[HASHER_OUTCOME_COUNT];
    char encoded[SECRET_HASH_SIZE];
};

static bool torn_down; /* after a failed test, whose variables are gone */

static void
note(const struct hasher_result *result, void *argument)
{
    struct outcome *outcome = argument;
    if (torn_down) {
        return;
    }
    outcome->count++;
    outcome->of[result->outcome]++;
    memcpy(outcome->encoded, result->encoded, sizeof(outcome->encoded));
}

static struct event_base *base;
static struct hasher *hasher;
static struct hasher_mailbox *mailbox;

static void
start(int parallel, size_t queue)
{
    const struct hasher_options options = {
        .parallel = parallel, .token_queue = queue, .password_queue = queue, .creation_queue = queue
    };
    torn_down = false;
    base = event_base_new();
    hasher = hasher_new(&options);
    mailbox = hasher_mailbox_new(hasher, base);
}

static int
tear_down(void **state)
{
    (void)state;
    torn_down = true;
    hasher_mailbox_free(mailbox);
    hasher_free(hasher);
    if (base) {
        event_base_free(base);
    }
    mailbox = NULL;
    hasher = NULL;
    base = NULL;
    return 0;
}

/* Submits "secret" to be hashed. */
static bool
hash(struct hasher_mailbox *to, enum hasher_share share, const struct secret_cost *at,
     hasher_callback *callback, void *argument)
{
    const struct hasher_job job = { .share = share,
                                    .secret = "secret",
                                    .length = 6,
                                    .cost = at,
                                    .callback = callback,
                                    .argument = argument };
    return hasher_hash(to, &job);
}

/* Submits the secret of a token to be verified. */
static bool
verify(struct hasher_mailbox *to, const unsigned char *key, const char *encoded, const char *secret,
       hasher_callback *callback, void *argument)
{
    const struct hasher_job job = { .share = HASHER_TOKENS,
                                    .secret = secret,
                                    .length = strlen(secret),
                                    .encoded = encoded,
                                    .key = key,
                                    .callback = callback,
                                    .argument = argument };
    return hasher_verify(to, &job);
}

static void
wait_for(const struct outcome *outcome, int count)
{
    while (outcome->count < count) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
}

static void
test_hashes_and_verifies(void **state)
{
    (void)state;
    start(2, 10);
    struct outcome made = { 0 }, right = { 0 }, wrong = { 0 };
    assert_true(hash(mailbox, HASHER_PASSWORDS, &cost, note, &made));
    assert_int_equal(made.count, 0);
    wait_for(&made, 1);
    assert_int_equal(made.of[HASHER_HASHED], 1);
    assert_true(verify(mailbox, NULL, made.encoded, "secret", note, &right));
    assert_true(verify(mailbox, NULL, made.encoded, "Secret", note, &wrong));
    wait_for(&right, 1);
    wait_for(&wrong, 1);
    assert_int_equal(right.of[HASHER_MATCH], 1);
    assert_int_equal(wrong.of[HASHER_MISMATCH], 1);
}

static void
test_what_argon2_refuses(void **state)
{
    (void)state;
    start(1, 10);
    const struct secret_cost impossible = { 64, 0, 1 };
    struct outcome hashed = { 0 }, verified = { 0 };
    assert_true(hash(mailbox, HASHER_TOKENS, &impossible, note, &hashed));
    assert_true(verify(mailbox, NULL, "no hash", "secret", note, &verified));
    wait_for(&hashed, 1);
    wait_for(&verified, 1);
    assert_int_equal(hashed.of[HASHER_FAILED], 1);
    assert_string_equal(hashed.encoded, "");
    assert_int_equal(verified.of[HASHER_MALFORMED], 1);
}

static void
test_equal_ones_cost_one_argon2(void **state)
{
    (void)state;
    start(1, 1000);
    char encoded[SECRET_HASH_SIZE];
    const struct secret_cost dear = { 32768, 8, 1 };
    assert_int_equal(secret_hash("secret", 6, &dear, encoded), 0);
    const unsigned char one[32] = { 1 }, two[32] = { 2 };
    struct outcome outcome = { 0 }, other = { 0 };
    for (int i = 0; i < 100; i++) {
        assert_true(verify(mailbox, one, encoded, "secret", note, &outcome));
    }
    assert_true(verify(mailbox, two, encoded, "other", note, &other));
    assert_true(hasher_is_under_way(mailbox, HASHER_TOKENS, two, encoded));
    assert_false(hasher_is_under_way(mailbox, HASHER_TOKENS, two, "another hash"));
    assert_false(hasher_is_under_way(mailbox, HASHER_PASSWORDS, two, encoded));
    wait_for(&outcome, 100);
    wait_for(&other, 1);
    assert_false(hasher_is_under_way(mailbox, HASHER_TOKENS, two, encoded));
    assert_int_equal(outcome.of[HASHER_MATCH], 100);
    assert_int_equal(other.of[HASHER_MISMATCH], 1);
    struct hasher_stats stats;
    hasher_read_stats(hasher, &stats);
    assert_in_range(stats.done, 2, 10); /* the first may have ended before the last was submitted */
}

static void
test_a_full_queue_refuses_and_the_other_share_does_not(void **state)
{
    (void)state;
    start(1, 3);
    const struct secret_cost dear = { 32768, 1, 1 };
    struct outcome outcome = { 0 };
    int accepted = 0;
    while (hash(mailbox, HASHER_PASSWORDS, &dear, note, &outcome)) {
        accepted++;
    }
    struct hasher_stats stats;
    hasher_read_stats(hasher, &stats);
    assert_true(accepted >= 3);
    assert_in_range(stats.waiting[HASHER_PASSWORDS], 0, 3);
    assert_int_equal(stats.waiting[HASHER_PASSWORDS] + stats.begun[HASHER_PASSWORDS], accepted);
    assert_true(hash(mailbox, HASHER_TOKENS, &cost, note, &outcome));
    hasher_read_stats(hasher, &stats);
    assert_int_equal(stats.refused[HASHER_PASSWORDS], 1);
    assert_int_equal(stats.refused[HASHER_TOKENS], 0);
    /* Freeing ends at once what still waits. */
    hasher_mailbox_free(mailbox);
    mailbox = NULL;
    assert_int_equal(outcome.count, accepted + 1);
    assert_int_equal(outcome.of[HASHER_HASHED] + outcome.of[HASHER_DROPPED], outcome.count);
}

/* How many passwords were done before the token. */
static int passwords_before;

static void
note_token(const struct hasher_result *result, void *argument)
{
    (void)result;
    passwords_before = ((const struct outcome *)argument)->count;
}

static void
test_passwords_leave_a_thread_to_tokens(void **state)
{
    (void)state;
    start(2, 20);
    const struct secret_cost dear = { 32768, 2, 1 };
    struct outcome passwords = { 0 };
    passwords_before = -1;
    for (int i = 0; i < 10; i++) {
        assert_true(hash(mailbox, HASHER_PASSWORDS, &dear, note, &passwords));
    }
    assert_true(hash(mailbox, HASHER_TOKENS, &cost, note_token, &passwords));
    wait_for(&passwords, 10);
    assert_in_range(passwords_before, 0, 9);
}

/* The shares in the order in which their jobs ended. One job runs at a time, so the mailbox has that order.
 */
static enum hasher_share ended[10];
static int ended_count;

static void
note_turn(const struct hasher_result *result, void *argument)
{
    (void)result;
    ended[ended_count++] = *(const enum hasher_share *)argument;
}

static uint64_t
begun(void)
{
    struct hasher_stats stats;
    hasher_read_stats(hasher, &stats);
    return stats.begun[HASHER_TOKENS] + stats.begun[HASHER_PASSWORDS];
}

/* Submits five of one share, then five of the other. Returns whether all waited before the second began. */
static bool
submit_both(int first)
{
    static const enum hasher_share shares[] = { HASHER_TOKENS, HASHER_PASSWORDS };
    const struct secret_cost dear = { 8192, 1, 1 };
    uint64_t before = begun();
    ended_count = 0;
    for (int i = 0; i < 10; i++) {
        const enum hasher_share *share = &shares[(first + (i >= 5)) % 2];
        assert_true(hash(mailbox, *share, &dear, note_turn, (void *)(uintptr_t)share));
    }
    bool in_time = begun() - before <= 1;
    while (ended_count < 10) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    return in_time;
}

/* Also of a hasher that runs a single job at a time. */
static void
test_the_shares_take_turns(void **state)
{
    (void)state;
    start(1, 20);
    for (int first = 0; first < 2; first++) {
        while (!submit_both(first)) {
        }
        for (int i = 1; i < 10; i++) {
            assert_int_not_equal(ended[i], ended[i - 1]);
        }
    }
}

static bool
is_creation(const void *share)
{
    return *(const enum hasher_share *)share == HASHER_CREATIONS;
}

static int creations_first, creation_at, proofs_done;

static void
note_order(const struct hasher_result *result, void *argument)
{
    (void)result;
    if (is_creation(argument)) {
        creation_at = creation_at < 0 && proofs_done > 0 ? proofs_done : creation_at;
        creations_first += proofs_done == 0;
    } else {
        proofs_done++;
    }
}

static void
submit_order(enum hasher_share share, int count)
{
    static const enum hasher_share shares[] = { HASHER_TOKENS, HASHER_PASSWORDS, HASHER_CREATIONS };
    const struct secret_cost dear = { 8192, 1, 1 };
    for (int i = 0; i < count; i++) {
        assert_true(hash(mailbox, share, &dear, note_order, (void *)(uintptr_t)&shares[share]));
    }
}

/* Five creations wait, then `proofs` proofs of each kind come. Returns how many proofs were done before the
 * first creation that a proof could overtake. */
static int
proofs_before_creation(int proofs)
{
    creation_at = -1;
    creations_first = proofs_done = 0;
    submit_order(HASHER_CREATIONS, 5);
    submit_order(HASHER_PASSWORDS, proofs);
    submit_order(HASHER_TOKENS, proofs);
    while (proofs_done < 2 * proofs) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    return creation_at < 0 ? proofs_done : creation_at;
}

/* Of a hasher that runs a single job at a time: creations that ran before the proofs came do not count. */
static void
test_proofs_go_before_creations(void **state)
{
    (void)state;
    start(1, 20);
    assert_int_equal(proofs_before_creation(3), 6);
    assert_in_range(creations_first, 0, 4);
}

static void
test_creations_are_not_starved(void **state)
{
    (void)state;
    start(1, 20);
    assert_in_range(proofs_before_creation(15), 1, 9);
}

/* Where two jobs may run at a time, one place stays free for a token. */
static void
test_creations_leave_a_thread_to_tokens(void **state)
{
    (void)state;
    start(2, 20);
    const struct secret_cost dear = { 32768, 2, 1 };
    struct outcome others = { 0 };
    passwords_before = -1;
    for (int i = 0; i < 5; i++) {
        assert_true(hash(mailbox, HASHER_CREATIONS, &dear, note, &others));
        assert_true(hash(mailbox, HASHER_PASSWORDS, &dear, note, &others));
    }
    assert_true(hash(mailbox, HASHER_TOKENS, &cost, note_token, &others));
    wait_for(&others, 10);
    assert_in_range(passwords_before, 0, 9);
}

static void
test_background_takes_half_of_a_queue(void **state)
{
    (void)state;
    start(1, 8);
    const struct secret_cost dear = { 32768, 1, 1 };
    struct outcome outcome = { 0 };
    const struct hasher_job job = { .share = HASHER_CREATIONS,
                                    .is_background = true,
                                    .secret = "secret",
                                    .length = 6,
                                    .cost = &dear,
                                    .callback = note,
                                    .argument = &outcome };
    while (hasher_hash(mailbox, &job)) {
    }
    assert_true(hash(mailbox, HASHER_CREATIONS, &cost, note, &outcome));
}

/* How many threads of this process have that niceness. */
static int
count_threads(long niceness)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (const struct dirent *task; (task = readdir(tasks));) {
        int id = atoi(task->d_name);
        count += id > 0 && getpriority(PRIO_PROCESS, (id_t)id) == niceness;
    }
    closedir(tasks);
    return count;
}

/* How many threads are nicer than the process, by `least` to `most`. */
static int
count_nicer(int least, int most)
{
    int count = 0, own = getpriority(PRIO_PROCESS, 0);
    for (int more = least; more <= most; more++) {
        count += count_threads(own + more);
    }
    return count;
}

/* In a process that is itself nicer than usual. */
static int
nicer_life(void)
{
    setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + 2);
    start(3, 1);
    int tokens = 0, passwords = 0;
    for (int64_t end_ms = clock_monotonic_ms() + 10000;
         tokens + passwords < 6 && clock_monotonic_ms() < end_ms;) {
        tokens = count_nicer(1, 6);
        passwords = count_nicer(11, 17); /* two of passwords, one of creations */
    }
    tear_down(NULL);
    return tokens == 3 && passwords == 3 ? 0 : 1;
}

/* On a busy machine, the scheduler gives a thread time by its niceness: to a token's a fifth or more of what
 * an ordinary thread gets, to a password's less than half of that. */
static void
test_tokens_get_more_of_a_busy_machine(void **state)
{
    (void)state;
    if (getpriority(PRIO_PROCESS, 0) > 5) {
        print_message("this process is so nice that there is no room for the difference\n");
        skip();
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(nicer_life());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static bool
done(void)
{
    struct hasher_stats stats;
    hasher_read_stats(hasher, &stats);
    return stats.done > 0;
}

/* The second of two that run one after the other waits as long as the first one takes. */
static void
test_waiting_is_measured(void **state)
{
    (void)state;
    start(1, 10);
    const struct secret_cost dear = { 32768, 1, 1 };
    struct outcome outcome = { 0 };
    int64_t begun_us = clock_monotonic_us();
    for (int i = 0; i < 2; i++) {
        assert_true(hash(mailbox, HASHER_TOKENS, &dear, note, &outcome));
    }
    /* At `still_us` the first has not ended yet, so the second waits at least until then. */
    int64_t submitted_us = clock_monotonic_us(), still_us = submitted_us;
    for (int64_t now_us = submitted_us; !done(); now_us = clock_monotonic_us()) {
        still_us = now_us;
        sched_yield();
    }
    wait_for(&outcome, 2);
    uint64_t took_us = (uint64_t)(clock_monotonic_us() - begun_us);
    struct hasher_stats stats;
    hasher_read_stats(hasher, &stats);
    assert_int_equal(stats.begun[HASHER_TOKENS], 2);
    assert_in_range(stats.waited_us[HASHER_TOKENS], (uint64_t)(still_us - submitted_us), 2 * took_us);
    assert_int_equal(stats.begun[HASHER_PASSWORDS], 0);
    assert_int_equal(stats.waited_us[HASHER_PASSWORDS], 0);
}

/* A thread without work gives argon2's memory back; while there is work, it keeps it. */
static void
test_memory_goes_back(void **state)
{
    (void)state;
    start(1, 10);
    const struct secret_cost dear = { 98304, 1, 1 };
    const size_t area = (size_t)96 << 20;
    struct outcome outcome = { 0 };
    size_t before = memory_resident();
    assert_true(hash(mailbox, HASHER_TOKENS, &dear, note, &outcome));
    assert_true(hash(mailbox, HASHER_CREATIONS, &cost, note, &outcome));
    wait_for(&outcome, 2);
    size_t grown = memory_resident();
    assert_true(grown > before + area / 2);
    for (int64_t end_ms = clock_monotonic_ms() + 10000;
         memory_resident() > grown - area * 3 / 4 && clock_monotonic_ms() < end_ms;) {
        sched_yield();
    }
    assert_true(memory_resident() <= grown - area * 3 / 4);
}

/* As the renewal of a hash does, which begins when a token has been proven. */
static void
submit_again(const struct hasher_result *result, void *argument)
{
    struct outcome *outcome = argument;
    note(result, argument);
    assert_false(hasher_has_room(mailbox, HASHER_TOKENS));
    assert_false(hash(mailbox, HASHER_TOKENS, &cost, submit_again, outcome));
    assert_false(verify(mailbox, NULL, outcome->encoded, "secret", submit_again, outcome));
}

static void
test_a_mailbox_that_closes_takes_no_more(void **state)
{
    (void)state;
    start(1, 10);
    struct outcome outcome = { 0 };
    for (int i = 0; i < 5; i++) {
        assert_true(hash(mailbox, HASHER_TOKENS, &cost, submit_again, &outcome));
    }
    hasher_mailbox_free(mailbox);
    mailbox = NULL;
    assert_int_equal(outcome.count, 5);
}

/* Two loops wait for one job: when one of the loops ends, the job stays for the other. */
static void
test_a_job_that_another_mailbox_waits_for_stays(void **state)
{
    (void)state;
    start(1, 10);
    const struct secret_cost dear = { 32768, 16, 1 };
    const unsigned char key[32] = { 1 };
    struct hasher_mailbox *other = hasher_mailbox_new(hasher, base);
    struct outcome first = { 0 }, mine = { 0 }, others = { 0 };
    char encoded[SECRET_HASH_SIZE];
    assert_int_equal(secret_hash("secret", 6, &cost, encoded), 0);
    assert_true(hash(other, HASHER_TOKENS, &dear, note, &first));
    assert_true(verify(mailbox, key, encoded, "secret", note, &mine));
    assert_true(verify(other, key, encoded, "secret", note, &others));
    hasher_mailbox_free(mailbox);
    mailbox = NULL;
    assert_int_equal(mine.count, 1);
    assert_int_equal(mine.of[HASHER_DROPPED], 1);
    wait_for(&others, 1);
    assert_int_equal(others.of[HASHER_MATCH], 1);
    assert_true(hash(other, HASHER_TOKENS, &cost, note, &first));
    wait_for(&first, 2);
    hasher_mailbox_free(other);
}

static char shared_encoded[SECRET_HASH_SIZE];

/* On a loop of its own, as the threads of the server have. */
static void *
use_it(void *argument)
{
    struct event_base *own_base = event_base_new();
    struct hasher_mailbox *own_mailbox = hasher_mailbox_new(hasher, own_base);
    struct outcome outcome = { 0 };
    for (int i = 0; i < 200; i++) {
        const unsigned char key[32] = { (unsigned char)(i % 5) };
        if (!verify(own_mailbox, key, shared_encoded, "secret", note, &outcome)) {
            outcome.count++;
        }
        event_base_loop(own_base, EVLOOP_NONBLOCK);
    }
    while (outcome.count < 200) {
        event_base_loop(own_base, EVLOOP_ONCE);
    }
    hasher_mailbox_free(own_mailbox);
    event_base_free(own_base);
    return outcome.of[HASHER_MISMATCH] ? argument : NULL;
}

static void
test_threads_share_it(void **state)
{
    (void)state;
    assert_int_equal(secret_hash("secret", 6, &cost, shared_encoded), 0);
    start(2, 100);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_it, hasher), 0);
    }
    for (int i = 0; i < 3; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hashes_and_verifies),
        TEST(test_what_argon2_refuses),
        TEST(test_equal_ones_cost_one_argon2),
        TEST(test_a_full_queue_refuses_and_the_other_share_does_not),
        TEST(test_passwords_leave_a_thread_to_tokens),
        TEST(test_the_shares_take_turns),
        TEST(test_proofs_go_before_creations),
        TEST(test_creations_are_not_starved),
        TEST(test_creations_leave_a_thread_to_tokens),
        TEST(test_background_takes_half_of_a_queue),
        TEST(test_tokens_get_more_of_a_busy_machine),
        TEST(test_waiting_is_measured),
        TEST(test_memory_goes_back),
        TEST(test_a_mailbox_that_closes_takes_no_more),
        TEST(test_a_job_that_another_mailbox_waits_for_stays),
        TEST(test_threads_share_it),
    };
    secret_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
