#include "server/gate.h"
#include "server/metrics.h"
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "scripted_db.h"

#define NOW          "1000"
#define QUESTIONS    64
#define STATE_CELLS  18
#define CAPACITY     100
#define BATCH_MAX    24
#define SECOND_ROUND 16

static struct event_base *base;
static struct metrics metrics;
static struct gate *gate;

static struct {
    struct gate_question question;
    int answers;
    enum gate_status status;
    int64_t token_id; /* of the caller; 0: none */
} asked[QUESTIONS];
static int asked_count;
static int64_t again; /* a token to be asked for from within the next callback */

static void ask(int64_t token_id);

static void
on_answer(enum gate_status status, struct caller *caller, void *argument)
{
    int index = (int)(intptr_t)argument;
    asked[index].answers++;
    asked[index].status = status;
    asked[index].token_id = caller ? caller->token_id : 0;
    if (again) {
        int64_t token_id = again;
        again = 0;
        ask(token_id);
    }
}

static void
ask(int64_t token_id)
{
    int index = asked_count++;
    asked[index].question = (struct gate_question){ .token_id = token_id,
                                                    .callback = on_answer,
                                                    .argument = (void *)(intptr_t)index };
    gate_ask(gate, &asked[index].question);
    assert_int_equal(asked[index].answers, 0);
}

static void
end_turn(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
answer_epoch(int call, const char *epoch)
{
    assert_int_equal(scripted.calls[call].query, QUERY_GATE_EPOCH);
    answer(call, (const char *const[]){ epoch, NOW }, 1, 2);
}

/* Rows of gate/states: living tokens of these ids, expiring at 2000 unless told. */
struct state {
    const char *id, *ended, *expires;
};

static void
answer_states(int call, const char *epoch, const struct state *states, int count)
{
    const char *cells[BATCH_MAX * STATE_CELLS];
    assert_int_equal(scripted.calls[call].query, QUERY_GATE_STATES);
    for (int i = 0; i < count; i++) {
        const char *const row[STATE_CELLS] = { epoch,
                                               NOW,
                                               states[i].id,
                                               states[i].ended ? states[i].ended : "f",
                                               states[i].expires ? states[i].expires : "2000",
                                               "",
                                               "CI",
                                               "",
                                               "",
                                               "30",
                                               NULL,
                                               "7",
                                               "a@example.test",
                                               "A",
                                               "person",
                                               "member",
                                               "1",
                                               "O" };
        memcpy(&cells[i * STATE_CELLS], row, sizeof(row));
    }
    answer(call, cells, count, STATE_CELLS);
}

static void
assert_told(int index, enum gate_status status)
{
    assert_int_equal(asked[index].answers, 1);
    assert_int_equal(asked[index].status, status);
    bool has_caller = status == GATE_ALIVE || status == GATE_EXPIRED;
    assert_int_equal(asked[index].token_id, has_caller ? asked[index].question.token_id : 0);
}

/* Makes token `id` known under `epoch`; three calls at most are spent. */
static void
learn(int64_t id, const char *text, const char *epoch)
{
    ask(id);
    end_turn();
    answer_epoch(scripted.count - 1, epoch);
    answer_states(scripted.count - 1, epoch, &(struct state){ text, NULL, NULL }, 1);
    assert_told(asked_count - 1, GATE_ALIVE);
}

static int
set_up(void **state)
{
    (void)state;
    scripted_reset();
    memset(asked, 0, sizeof(asked));
    memset(&metrics, 0, sizeof(metrics));
    asked_count = 0;
    again = 0;
    base = event_base_new();
    const struct db_options options = { .url = "" };
    gate = gate_new(base, &options, CAPACITY, &metrics);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    gate_free(gate);
    event_base_free(base);
    assert_int_equal(scripted.results, 0);
    return 0;
}

static void
test_the_questions_of_a_turn_share_one_query(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        ask(7);
    }
    assert_int_equal(scripted.count, 0); /* others may still arrive in this turn */
    end_turn();
    assert_int_equal(scripted.count, 1);
    answer_epoch(0, "1");
    assert_int_equal(scripted.count, 2);
    int64_t ids[BATCH_MAX];
    assert_int_equal(scripted_numbers(1, 0, ids), 1);
    assert_int_equal(ids[0], 7);
    answer_states(1, "1", &(struct state){ "7", NULL, NULL }, 1);
    for (int i = 0; i < 5; i++) {
        assert_told(i, GATE_ALIVE);
    }
}

static void
test_a_state_of_the_same_epoch_is_not_read_again(void **state)
{
    (void)state;
    learn(7, "7", "1");
    int calls = scripted.count;
    ask(7);
    end_turn();
    answer_epoch(calls, "1");
    assert_int_equal(scripted.count, calls + 1);
    assert_told(1, GATE_ALIVE);
}

static void
test_a_state_of_another_epoch_is_read_again(void **state)
{
    (void)state;
    static const char *const others[] = { "2", "0" }; /* also an older one: a restored database */
    learn(7, "7", "1");
    for (size_t i = 0; i < 2; i++) {
        ask(7);
        end_turn();
        answer_epoch(scripted.count - 1, others[i]);
        assert_int_equal(asked[asked_count - 1].answers, 0);
        answer_states(scripted.count - 1, others[i], &(struct state){ "7", "t", NULL }, 1);
        assert_told(asked_count - 1, GATE_ENDED);
    }
}

/* The round saw epoch 1, the states' own snapshot epoch 2: a round that sees 1 (it was sent before) must not
 * take them for known under 1, and one that sees 2 may. */
static void
test_a_state_is_known_under_the_epoch_of_its_own_snapshot(void **state)
{
    (void)state;
    ask(7);
    end_turn();
    answer_epoch(0, "1");
    answer_states(1, "2", &(struct state){ "7", NULL, NULL }, 1);
    ask(7);
    end_turn();
    answer_epoch(2, "2");
    assert_told(1, GATE_ALIVE);
    assert_int_equal(scripted.count, 3);
    ask(7);
    end_turn();
    answer_epoch(3, "1");
    assert_int_equal(asked[2].answers, 0);
    assert_int_equal(scripted.calls[4].query, QUERY_GATE_STATES);
}

static void
test_a_question_is_not_answered_by_a_round_sent_before_it(void **state)
{
    (void)state;
    learn(7, "7", "1");
    int calls = scripted.count;
    ask(7);
    end_turn();
    ask(7); /* while the round is under way */
    end_turn();
    assert_int_equal(scripted.count, calls + 1);
    answer_epoch(calls, "1");
    assert_told(1, GATE_ALIVE);
    assert_int_equal(asked[2].answers, 0);
    assert_int_equal(scripted.count, calls + 2); /* its own round has begun */
    answer_epoch(calls + 1, "2");
    assert_int_equal(asked[2].answers, 0);
    answer_states(calls + 2, "2", &(struct state){ "7", "t", NULL }, 1);
    assert_told(2, GATE_ENDED);
}

static void
test_few_who_wait_share_the_next_round(void **state)
{
    (void)state;
    ask(7);
    end_turn();
    for (int i = 0; i < SECOND_ROUND - 1; i++) {
        ask(7);
    }
    end_turn();
    assert_int_equal(scripted.count, 1);
    lose(0);
    assert_told(0, GATE_UNAVAILABLE);
    assert_int_equal(scripted.count, 2);
    lose(1);
    for (int i = 1; i < asked_count; i++) {
        assert_told(i, GATE_UNAVAILABLE);
    }
}

static void
test_a_turn_of_many_begins_a_second_round(void **state)
{
    (void)state;
    ask(7);
    end_turn();
    for (int i = 0; i < SECOND_ROUND; i++) {
        ask(7);
    }
    end_turn();
    assert_int_equal(scripted.count, 2);
    assert_ptr_not_equal(scripted.calls[0].db, scripted.calls[1].db);
    for (int i = 0; i < SECOND_ROUND; i++) {
        ask(7);
    }
    end_turn();
    assert_int_equal(scripted.count, 2); /* there is no third connection */
}

static void
test_states_are_read_in_batches_that_name_each_token_once(void **state)
{
    (void)state;
    for (int i = 0; i < BATCH_MAX + 1; i++) {
        ask(100 + i);
        ask(100 + i);
    }
    end_turn();
    answer_epoch(0, "1");
    assert_int_equal(scripted.count, 3);
    int64_t ids[BATCH_MAX];
    assert_int_equal(scripted_numbers(1, 0, ids), BATCH_MAX);
    for (int i = 0; i < BATCH_MAX; i++) {
        assert_int_equal(ids[i], 100 + i);
    }
    assert_int_equal(scripted_numbers(2, 0, ids), 1);
    assert_int_equal(ids[0], 100 + BATCH_MAX);
    answer_states(2, "1", &(struct state){ "124", NULL, NULL }, 1);
    assert_told(asked_count - 1, GATE_ALIVE);
    assert_told(asked_count - 2, GATE_ALIVE);
    assert_int_equal(asked[0].answers, 0);
}

static void
test_each_state_is_told_to_those_who_asked_for_it(void **state)
{
    (void)state;
    static const struct state states[] = { { "4", NULL, "1000" }, { "2", "t", NULL }, { "1", NULL, "1001" } };
    for (int64_t id = 1; id <= 4; id++) {
        ask(id);
    }
    end_turn();
    answer_epoch(0, "1");
    answer_states(1, "1", states, 3);
    assert_told(0, GATE_ALIVE);
    assert_told(1, GATE_ENDED);
    assert_told(2, GATE_ENDED);   /* no such row */
    assert_told(3, GATE_EXPIRED); /* at its very instant */
}

static void
test_a_remembered_state_expires_by_the_rounds_time(void **state)
{
    (void)state;
    learn(7, "7", "1");
    ask(7);
    end_turn();
    answer(scripted.count - 1, (const char *const[]){ "1", "1999" }, 1, 2);
    assert_told(1, GATE_ALIVE);
    ask(7);
    end_turn();
    answer(scripted.count - 1, (const char *const[]){ "1", "2000" }, 1, 2);
    assert_told(2, GATE_EXPIRED);
}

static void
test_without_an_answer_nobody_gets_in(void **state)
{
    (void)state;
    learn(7, "7", "1");
    ask(7);
    end_turn();
    lose(scripted.count - 1);
    assert_told(1, GATE_UNAVAILABLE);
    ask(7);
    end_turn();
    refuse(scripted.count - 1, "57014");
    assert_told(2, GATE_UNAVAILABLE);
    ask(7);
    end_turn();
    answer(scripted.count - 1, NULL, 0, 2); /* the row is gone */
    assert_told(3, GATE_UNAVAILABLE);
    ask(8);
    end_turn();
    answer_epoch(scripted.count - 1, "1");
    refuse(scripted.count - 1, "57014"); /* the states */
    assert_told(4, GATE_UNAVAILABLE);
    assert_int_equal(counter_read(&metrics.gate_failures), 4);
}

static void
test_a_connection_that_can_be_used_is_preferred(void **state)
{
    (void)state;
    scripted.connections[0]->usable = false;
    assert_int_equal(gate_usable_count(gate), 1);
    ask(7);
    end_turn();
    assert_ptr_equal(scripted.calls[0].db, scripted.connections[1]);
    scripted.connections[0]->usable = true;
    scripted.connections[1]->usable = false;
    answer_epoch(0, "1");
    assert_ptr_equal(scripted.calls[1].db, scripted.connections[0]);
    scripted.connections[0]->usable = false;
    assert_false(gate_usable(gate));
    ask(8); /* db_call() fails it through the loop */
    end_turn();
    assert_int_equal(scripted.calls[2].query, QUERY_GATE_EPOCH);
}

static void
test_asking_again_from_within_the_answer(void **state)
{
    (void)state;
    learn(7, "7", "1");
    ask(7);
    end_turn();
    again = 7;
    answer_epoch(scripted.count - 1, "1");
    assert_told(1, GATE_ALIVE);
    assert_int_equal(asked[2].answers, 0);
    end_turn();
    answer_epoch(scripted.count - 1, "1");
    assert_told(2, GATE_ALIVE);
}

static void
test_the_end_tells_everybody_once(void **state)
{
    ask(7); /* its states are being read */
    end_turn();
    answer_epoch(0, "1");
    ask(8); /* its round is under way */
    end_turn();
    ask(9); /* waits */
    again = 10;
    gate_free(gate);
    assert_int_equal(asked_count, 4);
    for (int i = 0; i < asked_count; i++) {
        assert_told(i, GATE_UNAVAILABLE);
    }
    event_base_free(base);
    set_up(state);
}

int
main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_questions_of_a_turn_share_one_query),
        TEST(test_a_state_of_the_same_epoch_is_not_read_again),
        TEST(test_a_state_of_another_epoch_is_read_again),
        TEST(test_a_state_is_known_under_the_epoch_of_its_own_snapshot),
        TEST(test_a_question_is_not_answered_by_a_round_sent_before_it),
        TEST(test_few_who_wait_share_the_next_round),
        TEST(test_a_turn_of_many_begins_a_second_round),
        TEST(test_states_are_read_in_batches_that_name_each_token_once),
        TEST(test_each_state_is_told_to_those_who_asked_for_it),
        TEST(test_a_remembered_state_expires_by_the_rounds_time),
        TEST(test_without_an_answer_nobody_gets_in),
        TEST(test_a_connection_that_can_be_used_is_preferred),
        TEST(test_asking_again_from_within_the_answer),
        TEST(test_the_end_tells_everybody_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
