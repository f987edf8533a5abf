#include "server/auth/gate.h"
#include "server/auth/gate_limits.h"
#include "server/metrics.h"
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "scripted_db.h"

#define NOW              "1000"
#define QUESTIONS        64
#define STATE_CELLS      18
#define CHANGE_CELLS     7
#define CHANGES_MAX      20
#define CHANGES_MAX_TEXT "20"
#define CAPACITY         100

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

/* Every epoch is made by the transaction of the same number, unless a test sets another. */
static void
answer_epoch(const char *epoch)
{
    answer_next(QUERY_GATE_EPOCH, (const char *const[]){ epoch, NOW, epoch }, 1, 3);
}

/* Rows of gate/states: by default, living tokens that expire at 2000. */
struct state {
    const char *id, *ended, *expires;
};

static void
answer_states_of(int call, const char *epoch, const struct state *states, int count)
{
    const char *cells[GATE_BATCH_MAX * STATE_CELLS];
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
answer_states(const char *epoch, const struct state *states, int count)
{
    answer_states_of(scripted_waiting(QUERY_GATE_STATES, 0), epoch, states, count);
}

/* One row of gate/changes: the epoch of a change, and the token that it concerns; NULL: all tokens. */
struct change {
    const char *epoch, *token_id;
};

/* Answers as a database where `transaction` made epoch `since`; NULL: the database has no row for it. */
static void
answer_changes_of(int call, const char *since, const char *transaction, const char *epoch,
                  const struct change *changes, int count)
{
    static const char *cells[(CHANGES_MAX + 1) * CHANGE_CELLS];
    int rows = 0;
    assert_string_equal(scripted.calls[call].values[0].bytes, since);
    for (int i = transaction ? -1 : 0; i < count; i++) {
        const char *number = i < 0 ? since : changes[i].epoch;
        const char *const row[CHANGE_CELLS] = { epoch,
                                                NOW,
                                                epoch,
                                                number,
                                                i < 0 ? transaction : number,
                                                i < 0 ? "99" : changes[i].token_id,
                                                CHANGES_MAX_TEXT };
        memcpy(&cells[rows++ * CHANGE_CELLS], row, sizeof(row));
    }
    answer(call, cells, rows, CHANGE_CELLS);
}

static void
answer_changes(const char *since, const char *epoch, const struct change *changes, int count)
{
    answer_changes_of(scripted_waiting(QUERY_GATE_CHANGES, 0), since, since, epoch, changes, count);
}

static void
assert_answered(int index, enum gate_status status)
{
    assert_int_equal(asked[index].answers, 1);
    assert_int_equal(asked[index].status, status);
    bool has_caller = status == GATE_ALIVE || status == GATE_EXPIRED;
    assert_int_equal(asked[index].token_id, has_caller ? asked[index].question.token_id : 0);
}

/* Makes token `id` known under `epoch`. */
static void
learn(int64_t id, const char *text, const char *epoch)
{
    ask(id);
    end_turn();
    answer_epoch(epoch);
    answer_states(epoch, &(struct state){ text, NULL, NULL }, 1);
    assert_answered(asked_count - 1, GATE_ALIVE);
}

static int states_reported; /* of connections, to the code that made the gate */

static void
on_state(struct db *db, bool usable, void *argument)
{
    (void)db;
    (void)usable;
    assert_ptr_equal(argument, &states_reported);
    states_reported++;
}

static int
set_up(void **state)
{
    (void)state;
    scripted_reset();
    states_reported = 0;
    memset(asked, 0, sizeof(asked));
    memset(&metrics, 0, sizeof(metrics));
    asked_count = 0;
    again = 0;
    base = event_base_new();
    const struct db_options options = { .url = "", .on_state = on_state, .argument = &states_reported };
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
    answer_epoch("1");
    assert_int_equal(scripted.count, 2);
    int64_t ids[GATE_BATCH_MAX];
    assert_int_equal(scripted_numbers(scripted_waiting(QUERY_GATE_STATES, 0), 0, ids), 1);
    assert_int_equal(ids[0], 7);
    answer_states("1", &(struct state){ "7", NULL, NULL }, 1);
    for (int i = 0; i < 5; i++) {
        assert_answered(i, GATE_ALIVE);
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
    answer_epoch("1");
    assert_int_equal(scripted.count, calls + 1);
    assert_answered(1, GATE_ALIVE);
}

/* Asks for token `id` in a round that sees `epoch`. */
static void
ask_under(int64_t id, const char *epoch)
{
    ask(id);
    end_turn();
    answer_epoch(epoch);
}

static void
test_only_the_changed_token_is_read_again(void **state)
{
    (void)state;
    learn(7, "7", "1");
    learn(8, "8", "1");
    ask(8);
    ask_under(7, "3");
    assert_int_equal(asked[2].answers + asked[3].answers, 0);
    answer_changes("1", "3", (const struct change[]){ { "2", "9" }, { "3", "7" } }, 2);
    assert_answered(2, GATE_ALIVE);
    assert_int_equal(asked[3].answers, 0);
    int64_t ids[GATE_BATCH_MAX];
    assert_int_equal(scripted_numbers(scripted_waiting(QUERY_GATE_STATES, 0), 0, ids), 1);
    assert_int_equal(ids[0], 7);
    answer_states("3", &(struct state){ "7", "t", NULL }, 1);
    assert_answered(3, GATE_ENDED);
    int calls = scripted.count;
    ask_under(8, "3");
    assert_answered(4, GATE_ALIVE);
    ask_under(7, "3");
    assert_answered(5, GATE_ENDED);
    assert_int_equal(scripted.count, calls + 2);
}

/* Changes from which the gate cannot say which tokens they concern, and the epoch that comes with them. */
static const struct {
    const char *epoch;
    struct change changes[3];
    int count;
} unclear[] = {
    { "2", { { NULL, NULL } }, 1 },              /* no change is noted */
    { "2", { { "2", NULL } }, 1 },               /* one that concerns all tokens */
    { "3", { { "2", "9" }, { "3", NULL } }, 2 }, /* the same, as the second */
    { "3", { { "3", "9" } }, 1 },                /* the first is not there any more */
    { "4", { { "2", "9" }, { "4", "9" } }, 2 },  /* one between them is missing */
    { "4", { { "2", "9" }, { "3", "9" } }, 2 },  /* the last is missing */
    { "1", { { NULL, NULL } }, 1 },              /* the epoch is back at the known one */
};

static void
test_an_unclear_change_forgets_everything(void **state)
{
    for (size_t i = 0; i < sizeof(unclear) / sizeof(unclear[0]); i++) {
        learn(7, "7", "1");
        ask_under(7, i + 1 < sizeof(unclear) / sizeof(unclear[0]) ? unclear[i].epoch : "2");
        answer_changes("1", unclear[i].epoch, unclear[i].changes, unclear[i].count);
        if (strcmp(unclear[i].epoch, "1") == 0) {
            assert_answered(asked_count - 1, GATE_ALIVE);
        } else {
            assert_int_equal(asked[asked_count - 1].answers, 0);
            answer_states(unclear[i].epoch, &(struct state){ "7", "t", NULL }, 1);
            assert_answered(asked_count - 1, GATE_ENDED);
        }
        tear_down(state);
        set_up(state);
    }
}

/* An answer of as many rows as there can be may lack tokens of its last epoch. */
static void
test_as_many_changes_as_an_answer_holds_forget_everything(void **state)
{
    (void)state;
    struct change changes[CHANGES_MAX];
    char epochs[CHANGES_MAX + 2][8];
    for (int epoch = 2; epoch < CHANGES_MAX + 2; epoch++) {
        snprintf(epochs[epoch], sizeof(epochs[epoch]), "%d", epoch);
        changes[epoch - 2] = (struct change){ epochs[epoch], "9" };
    }
    learn(7, "7", "1");
    ask_under(7, epochs[CHANGES_MAX - 1]);
    answer_changes("1", epochs[CHANGES_MAX - 1], changes, CHANGES_MAX - 2); /* one row fewer */
    assert_answered(1, GATE_ALIVE);
    tear_down(state);
    set_up(state);
    learn(7, "7", "1");
    ask_under(7, epochs[CHANGES_MAX]);
    answer_changes("1", epochs[CHANGES_MAX], changes, CHANGES_MAX - 1);
    assert_int_equal(asked[1].answers, 0);
    answer_states(epochs[CHANGES_MAX], &(struct state){ "7", "t", NULL }, 1);
    assert_answered(1, GATE_ENDED);
}

static void
test_without_the_changes_every_token_is_unavailable(void **state)
{
    (void)state;
    learn(7, "7", "1");
    ask_under(7, "2");
    lose_next(QUERY_GATE_CHANGES);
    assert_answered(1, GATE_UNAVAILABLE);
    ask_under(7, "2");
    refuse_next(QUERY_GATE_CHANGES, "57014");
    assert_answered(2, GATE_UNAVAILABLE);
    ask_under(7, "2");
    answer_next(QUERY_GATE_CHANGES, NULL, 0, CHANGE_CELLS);
    assert_answered(3, GATE_UNAVAILABLE);
    ask_under(7, "2");
    answer_changes("1", "2", &(struct change){ "2", "9" }, 1);
    assert_answered(4, GATE_ALIVE);
}

/* Token 7 is known under epoch 1; question 1 waits for a round, the others for a second one. */
static void
two_rounds_under_way(void)
{
    learn(7, "7", "1");
    ask(7);
    end_turn();
    for (int i = 0; i < GATE_SECOND_ROUND_MIN; i++) {
        ask(7);
    }
    end_turn();
    assert_int_equal(scripted_waiting_count(QUERY_GATE_EPOCH), 2);
}

/* Two rounds may both see that the epoch has moved, and their answers may overtake each other. */
static void
test_changes_that_are_known_already_do_no_harm(void **state)
{
    (void)state;
    two_rounds_under_way();
    answer_epoch("2");
    answer_epoch("3");
    int slower = scripted_waiting(QUERY_GATE_CHANGES, 0), faster = scripted_waiting(QUERY_GATE_CHANGES, 1);
    answer_changes_of(faster, "1", "1", "3", (const struct change[]){ { "2", "9" }, { "3", "7" } }, 2);
    answer_states("3", &(struct state){ "7", "t", NULL }, 1);
    assert_answered(asked_count - 1, GATE_ENDED);
    answer_changes_of(slower, "1", "1", "3", (const struct change[]){ { "2", "9" }, { "3", "7" } }, 2);
    assert_answered(1, GATE_ENDED);
}

/* The slower of two answers has an earlier epoch than the one that is known by now: it may be that of a
 * restored database. */
static void
test_changes_that_were_overtaken_forget_everything(void **state)
{
    (void)state;
    two_rounds_under_way();
    answer_epoch("2");
    answer_epoch("3");
    int slower = scripted_waiting(QUERY_GATE_CHANGES, 0), faster = scripted_waiting(QUERY_GATE_CHANGES, 1);
    answer_changes_of(faster, "1", "1", "3", (const struct change[]){ { "2", "9" }, { "3", "9" } }, 2);
    assert_answered(asked_count - 1, GATE_ALIVE);
    answer_changes_of(slower, "1", "1", "2", &(struct change){ "2", "9" }, 1);
    assert_int_equal(asked[1].answers, 0);
    answer_states("2", &(struct state){ "7", "t", NULL }, 1);
    assert_answered(1, GATE_ENDED);
}

/* The changes were asked for before the cache was cleared, so they say nothing about what it holds now. */
static void
test_changes_of_an_earlier_life_forget_everything(void **state)
{
    (void)state;
    learn(7, "7", "5");
    ask_under(8, "6");
    ask_under(7, "3"); /* the database was restored */
    answer_states("3", &(struct state){ "7", NULL, NULL }, 1);
    answer_changes("5", "6", &(struct change){ "6", "9" }, 1);
    answer_states("6", &(struct state){ "8", NULL, NULL }, 1);
    ask_under(7, "6");
    assert_int_equal(asked[3].answers, 0);
    answer_states("6", &(struct state){ "7", "t", NULL }, 1);
    assert_answered(3, GATE_ENDED);
}

/* An epoch that goes back is that of a restored database: states read before under the same number belong to
 * another history. */
static void
test_an_epoch_that_goes_back_forgets_everything(void **state)
{
    (void)state;
    learn(7, "7", "5");
    ask_under(7, "3");
    assert_int_equal(asked[1].answers, 0);
    answer_states("3", &(struct state){ "7", NULL, NULL }, 1);
    ask_under(8, "5"); /* as high as before */
    answer_changes("3", "5", (const struct change[]){ { "4", "9" }, { "5", "7" } }, 2);
    answer_states("5", &(struct state){ "8", NULL, NULL }, 1);
    ask_under(7, "5");
    assert_int_equal(asked[3].answers, 0);
    answer_states("5", &(struct state){ "7", "t", NULL }, 1);
    assert_answered(3, GATE_ENDED);
}

/* A restored database in which other changes have reached the same number before it was asked. */
static void
test_the_same_number_of_another_transaction_forgets_everything(void **state)
{
    (void)state;
    learn(7, "7", "5");
    ask(7);
    end_turn();
    answer_next(QUERY_GATE_EPOCH, (const char *const[]){ "5", NOW, "1005" }, 1, 3);
    assert_int_equal(asked[1].answers, 0);
    answer_states("5", &(struct state){ "7", "t", NULL }, 1);
    assert_answered(1, GATE_ENDED);
}

static void
test_changes_since_another_transactions_epoch_forget_everything(void **state)
{
    static const char *const transactions[] = { "1005", NULL };
    for (size_t i = 0; i < 2; i++) {
        learn(7, "7", "5");
        ask_under(7, "6");
        answer_changes_of(scripted_waiting(QUERY_GATE_CHANGES, 0), "5", transactions[i], "6",
                          &(struct change){ "6", "9" }, 1);
        assert_int_equal(asked[1].answers, 0);
        answer_states("6", &(struct state){ "7", "t", NULL }, 1);
        assert_answered(1, GATE_ENDED);
        tear_down(state);
        set_up(state);
    }
}

/* A state that was read before the cache was cleared must not get into it afterwards. */
static void
test_states_that_were_asked_for_before_are_used_once_and_not_kept(void **state)
{
    (void)state;
    ask_under(7, "5");
    ask_under(8, "3");
    answer_states("5", &(struct state){ "7", NULL, NULL }, 1);
    assert_answered(0, GATE_ALIVE);
    ask_under(7, "3");
    assert_int_equal(asked[2].answers, 0);
    assert_int_equal(scripted_waiting_count(QUERY_GATE_STATES), 2); /* for tokens 8 and 7 */
}

/* Another server may have taken over, without the last commits of the old one. */
static void
test_a_new_connection_forgets_everything(void **state)
{
    (void)state;
    learn(7, "7", "5");
    struct db *connection = scripted.connections[1];
    connection->options.on_state(connection, false, connection->options.argument);
    assert_int_equal(states_reported, 1);
    ask_under(7, "5");
    assert_answered(1, GATE_ALIVE);
    connection->options.on_state(connection, true, connection->options.argument);
    assert_int_equal(states_reported, 2);
    ask_under(7, "5");
    assert_int_equal(asked[2].answers, 0);
    answer_states("5", &(struct state){ "7", "t", NULL }, 1);
    assert_answered(2, GATE_ENDED);
}

/* The round saw epoch 1; the snapshot of the states was epoch 2, whose change concerned the same token. */
static void
test_a_state_is_known_under_the_epoch_of_its_own_snapshot(void **state)
{
    (void)state;
    ask_under(7, "1");
    answer_states("2", &(struct state){ "7", NULL, NULL }, 1);
    ask_under(7, "1");
    assert_answered(1, GATE_ALIVE); /* its state is newer than epoch 1 */
    ask_under(7, "2");
    answer_changes("1", "2", &(struct change){ "2", "7" }, 1);
    assert_answered(2, GATE_ALIVE);
    assert_int_equal(counter_read(&metrics.gate_refills), 1);
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
    answer_epoch("1");
    assert_answered(1, GATE_ALIVE);
    assert_int_equal(asked[2].answers, 0);
    assert_int_equal(scripted.count, calls + 2); /* its own round has begun */
    answer_epoch("2");
    assert_int_equal(asked[2].answers, 0);
    answer_changes("1", "2", &(struct change){ "2", "7" }, 1);
    answer_states("2", &(struct state){ "7", "t", NULL }, 1);
    assert_answered(2, GATE_ENDED);
}

static void
test_a_few_questions_wait_for_the_next_round(void **state)
{
    (void)state;
    ask(7);
    end_turn();
    for (int i = 0; i < GATE_SECOND_ROUND_MIN - 1; i++) {
        ask(7);
    }
    end_turn();
    assert_int_equal(scripted.count, 1);
    lose_next(QUERY_GATE_EPOCH);
    assert_answered(0, GATE_UNAVAILABLE);
    assert_int_equal(scripted.count, 2);
    lose_next(QUERY_GATE_EPOCH);
    for (int i = 1; i < asked_count; i++) {
        assert_answered(i, GATE_UNAVAILABLE);
    }
}

static void
test_many_questions_begin_a_second_round(void **state)
{
    (void)state;
    ask(7);
    end_turn();
    for (int i = 0; i < GATE_SECOND_ROUND_MIN; i++) {
        ask(7);
    }
    end_turn();
    assert_int_equal(scripted.count, 2);
    assert_ptr_not_equal(scripted.calls[0].db, scripted.calls[1].db);
    for (int i = 0; i < GATE_SECOND_ROUND_MIN; i++) {
        ask(7);
    }
    end_turn();
    assert_int_equal(scripted.count, 2); /* there is no third connection */
}

static void
test_states_are_read_in_batches_that_name_each_token_once(void **state)
{
    (void)state;
    for (int i = 0; i < GATE_BATCH_MAX + 1; i++) {
        ask(100 + i);
        ask(100 + i);
    }
    end_turn();
    answer_epoch("1");
    assert_int_equal(scripted.count, 3);
    int64_t ids[GATE_BATCH_MAX];
    assert_int_equal(scripted_numbers(scripted_waiting(QUERY_GATE_STATES, 0), 0, ids), GATE_BATCH_MAX);
    for (int i = 0; i < GATE_BATCH_MAX; i++) {
        assert_int_equal(ids[i], 100 + i);
    }
    assert_int_equal(scripted_numbers(scripted_waiting(QUERY_GATE_STATES, 1), 0, ids), 1);
    assert_int_equal(ids[0], 100 + GATE_BATCH_MAX);
    answer_states_of(scripted_waiting(QUERY_GATE_STATES, 1), "1", &(struct state){ "124", NULL, NULL }, 1);
    assert_answered(asked_count - 1, GATE_ALIVE);
    assert_answered(asked_count - 2, GATE_ALIVE);
    assert_int_equal(asked[0].answers, 0);
}

static void
test_each_state_answers_its_own_questions(void **state)
{
    (void)state;
    static const struct state states[] = { { "4", NULL, "1000" }, { "2", "t", NULL }, { "1", NULL, "1001" } };
    for (int64_t id = 1; id <= 4; id++) {
        ask(id);
    }
    end_turn();
    answer_epoch("1");
    answer_states("1", states, 3);
    assert_answered(0, GATE_ALIVE);
    assert_answered(1, GATE_ENDED);
    assert_answered(2, GATE_ENDED);   /* no such row */
    assert_answered(3, GATE_EXPIRED); /* at its very instant */
}

static void
test_a_remembered_state_expires_by_the_rounds_time(void **state)
{
    (void)state;
    learn(7, "7", "1");
    ask(7);
    end_turn();
    answer_next(QUERY_GATE_EPOCH, (const char *const[]){ "1", "1999", "1" }, 1, 3);
    assert_answered(1, GATE_ALIVE);
    ask(7);
    end_turn();
    answer_next(QUERY_GATE_EPOCH, (const char *const[]){ "1", "2000", "1" }, 1, 3);
    assert_answered(2, GATE_EXPIRED);
}

static void
test_a_clock_that_goes_back_revives_no_token(void **state)
{
    (void)state;
    static const char *const times[] = { "2000", "1500", "1000" };
    learn(7, "7", "1");
    for (int i = 0; i < 3; i++) {
        ask(7);
        end_turn();
        answer_next(QUERY_GATE_EPOCH, (const char *const[]){ "1", times[i], "1" }, 1, 3);
        assert_answered(i + 1, GATE_EXPIRED);
    }
    ask(8); /* which was never asked for before */
    end_turn();
    answer_epoch("1");
    answer_states("1", (const struct state[]){ { .id = "8" } }, 1);
    assert_answered(4, GATE_EXPIRED);
}

/* An operator may have changed it without moving the epoch. */
static void
test_a_state_is_read_again_after_a_minute(void **state)
{
    (void)state;
    learn(7, "7", "1");
    ask(7);
    end_turn();
    answer_next(QUERY_GATE_EPOCH, (const char *const[]){ "1", "60001000", "1" }, 1, 3);
    answer_states("1", (const struct state[]){ { .id = "7", .ended = "t" } }, 1);
    assert_answered(1, GATE_ENDED);
}

static void
test_without_an_answer_every_token_is_unavailable(void **state)
{
    (void)state;
    learn(7, "7", "1");
    ask(7);
    end_turn();
    lose_next(QUERY_GATE_EPOCH);
    assert_answered(1, GATE_UNAVAILABLE);
    ask(7);
    end_turn();
    refuse_next(QUERY_GATE_EPOCH, "57014");
    assert_answered(2, GATE_UNAVAILABLE);
    ask(7);
    end_turn();
    answer_next(QUERY_GATE_EPOCH, NULL, 0, 3); /* the row is gone */
    assert_answered(3, GATE_UNAVAILABLE);
    ask(8);
    end_turn();
    answer_epoch("1");
    refuse_next(QUERY_GATE_STATES, "57014");
    assert_answered(4, GATE_UNAVAILABLE);
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
    answer_epoch("1");
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
    answer_epoch("1");
    assert_answered(1, GATE_ALIVE);
    assert_int_equal(asked[2].answers, 0);
    end_turn();
    answer_epoch("1");
    assert_answered(2, GATE_ALIVE);
}

static void
test_the_end_answers_each_question_once(void **state)
{
    ask(7); /* its states are being read */
    end_turn();
    answer_epoch("1");
    ask(8); /* its round is under way */
    end_turn();
    ask(9); /* waits */
    again = 10;
    gate_free(gate);
    assert_int_equal(asked_count, 4);
    for (int i = 0; i < asked_count; i++) {
        assert_answered(i, GATE_UNAVAILABLE);
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
        TEST(test_only_the_changed_token_is_read_again),
        TEST(test_an_unclear_change_forgets_everything),
        TEST(test_as_many_changes_as_an_answer_holds_forget_everything),
        TEST(test_without_the_changes_every_token_is_unavailable),
        TEST(test_changes_that_are_known_already_do_no_harm),
        TEST(test_changes_that_were_overtaken_forget_everything),
        TEST(test_changes_of_an_earlier_life_forget_everything),
        TEST(test_an_epoch_that_goes_back_forgets_everything),
        TEST(test_the_same_number_of_another_transaction_forgets_everything),
        TEST(test_changes_since_another_transactions_epoch_forget_everything),
        TEST(test_states_that_were_asked_for_before_are_used_once_and_not_kept),
        TEST(test_a_new_connection_forgets_everything),
        TEST(test_a_state_is_known_under_the_epoch_of_its_own_snapshot),
        TEST(test_a_question_is_not_answered_by_a_round_sent_before_it),
        TEST(test_a_few_questions_wait_for_the_next_round),
        TEST(test_many_questions_begin_a_second_round),
        TEST(test_states_are_read_in_batches_that_name_each_token_once),
        TEST(test_each_state_answers_its_own_questions),
        TEST(test_a_remembered_state_expires_by_the_rounds_time),
        TEST(test_a_clock_that_goes_back_revives_no_token),
        TEST(test_a_state_is_read_again_after_a_minute),
        TEST(test_without_an_answer_every_token_is_unavailable),
        TEST(test_a_connection_that_can_be_used_is_preferred),
        TEST(test_asking_again_from_within_the_answer),
        TEST(test_the_end_answers_each_question_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
