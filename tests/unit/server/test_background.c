#include "server/background.h"
#include <event2/event.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define QUEUE 2

static struct event_base *base;
static struct background *background;
static struct background_mailbox *mailbox;

/* A job that waits until the test lets it go on, and tells when it has begun. */
struct step {
    int begun[2], go_on[2];
    pthread_t ran_on;
    int done, dropped;
};

static void
make(struct step *step)
{
    *step = (struct step){ 0 };
    assert_int_equal(pipe(step->begun), 0);
    assert_int_equal(pipe(step->go_on), 0);
}

static void
unmake(struct step *step)
{
    for (int i = 0; i < 2; i++) {
        close(step->begun[i]);
        close(step->go_on[i]);
    }
}

static void
work(void *argument)
{
    struct step *step = argument;
    char byte = 'x';
    step->ran_on = pthread_self();
    if (write(step->begun[1], &byte, 1) != 1 || read(step->go_on[0], &byte, 1) != 1) {
        step->ran_on = 0;
    }
}

static void
back(bool is_done, void *argument)
{
    struct step *step = argument;
    step->done += is_done;
    step->dropped += !is_done;
    event_base_loopbreak(base);
}

static bool
submit(struct step *step)
{
    const struct background_job job = { work, back, step };
    return background_submit(mailbox, &job);
}

static void
await_begin(struct step *step)
{
    char byte;
    assert_int_equal(read(step->begun[0], &byte, 1), 1);
}

static void
let_go_on(struct step *step)
{
    assert_int_equal(write(step->go_on[1], "x", 1), 1);
}

static int
set_up(void **state)
{
    (void)state;
    base = event_base_new();
    background = background_new(QUEUE);
    mailbox = background_mailbox_new(background, base);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    background_mailbox_free(mailbox);
    background_free(background);
    event_base_free(base);
    mailbox = NULL;
    background = NULL;
    return 0;
}

static void
test_work_runs_elsewhere_and_comes_back_here(void **state)
{
    (void)state;
    struct step step;
    make(&step);
    let_go_on(&step);
    assert_true(submit(&step));
    assert_int_equal(step.done, 0); /* never within the call */
    event_base_dispatch(base);
    assert_int_equal(step.done, 1);
    assert_false(pthread_equal(step.ran_on, pthread_self()));
    unmake(&step);
}

static void
test_the_queue_has_a_bound(void **state)
{
    (void)state;
    struct step steps[QUEUE + 2];
    for (int i = 0; i < QUEUE + 2; i++) {
        make(&steps[i]);
    }
    assert_true(submit(&steps[0]));
    await_begin(&steps[0]); /* it runs, and waits no more */
    assert_true(submit(&steps[1]));
    assert_true(submit(&steps[2]));
    assert_false(submit(&steps[3]));
    for (int i = 0; i < QUEUE + 1; i++) {
        let_go_on(&steps[i]);
    }
    for (int i = 0; i < QUEUE + 1; i++) {
        while (steps[i].done == 0) {
            event_base_dispatch(base);
        }
    }
    assert_int_equal(steps[3].done + steps[3].dropped, 0);
    for (int i = 0; i < QUEUE + 2; i++) {
        unmake(&steps[i]);
    }
}

static void *
let_go_on_later(void *argument)
{
    let_go_on(argument);
    return NULL;
}

/* The running one is waited for. The waiting one is dropped, unless the thread is free before the mailbox
 * ends: then it is waited for, too. Either way its callback is called once. */
static void
test_a_mailbox_that_ends_leaves_nothing_behind(void **state)
{
    (void)state;
    struct step running, waiting;
    make(&running);
    make(&waiting);
    assert_true(submit(&running));
    await_begin(&running);
    assert_true(submit(&waiting));
    let_go_on(&waiting);
    pthread_t helper;
    assert_int_equal(pthread_create(&helper, NULL, let_go_on_later, &running), 0);
    background_mailbox_free(mailbox);
    mailbox = NULL;
    pthread_join(helper, NULL);
    assert_int_equal(running.done, 1);
    assert_int_equal(waiting.done + waiting.dropped, 1);
    assert_true(waiting.done == 1 || pthread_equal(waiting.ran_on, 0));
    unmake(&running);
    unmake(&waiting);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_work_runs_elsewhere_and_comes_back_here),
        TEST(test_the_queue_has_a_bound),
        TEST(test_a_mailbox_that_ends_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
