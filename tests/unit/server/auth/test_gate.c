#include "server/auth/gate.h"
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
#define CHANGE_CELLS 6
#define CAPACITY     100
#define BATCH_MAX    24
#define SECOND_ROUND 16
#define CHANGES_MAX  1000

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
    answer(call, (const char *const[]){ epoch, NOW, epoch }, 1, 3);
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

/* One row of gate/changes: the epoch of a change, and the token that it was about; NULL for any. */
struct change {
    const char *epoch, *token_id;
};

/* As it is answered by a database where transaction `transaction` made epoch `since`; NULL: that is not
 * noted. */
static void
answer_changes_of(int call, const char *since, const char *transaction, const char *epoch,
                  const struct change *changes, int count)
{
    static const char *cells[(CHANGES_MAX + 1) * CHANGE_CELLS];
    int rows = 0;
    assert_int_equal(scripted.calls[call].query, QUERY_GATE_CHANGES);
    assert_string_equal(scripted.calls[call].values[0].bytes, since);
    for (int i = transaction ? -1 : 0; i < count; i++) {
        const char *number = i < 0 ? since : changes[i].epoch;
        const char *const row[CHANGE_CELLS] = {
            epoch, NOW, epoch, number, i < 0 ? transaction : number, i < 0 ? "99" : changes[i].token_id
        };
        memcpy(&cells[rows++ * CHANGE_CELLS], row, sizeof(row));
    }
    answer(call, cells, rows, CHANGE_CELLS);
}

/* Every epoch is made by the transaction of the same number. */
static void
answer_changes(int call, const char *since, const char *epoch, const struct change *changes, int count)
{
    answer_changes_of(call, since, since, epoch, changes, count);
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

static int states_told; /* of connections, to whoever made the gate */

static void
on_state(struct db *db, bool usable, void *argument)
{
    (void)db;
    (void)usable;
    assert_ptr_equal(argument, &states_told);
    states_told++;
}

static int
set_up(void **state)
{
    (void)state;
    scripted_reset();
    states_told = 0;
    memset(asked, 0, sizeof(asked));
    memset(&metrics, 0, sizeof(metrics));
    asked_count = 0;
    again = 0;
    base = event_base_new();
    const struct db_options options = { .url = "", .on_state = on_state, .argument = &states_told };
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

/* Asks for token `id` in a round that sees `epoch`. */
static void
ask_under(int64_t id, const char *epoch)
{
    ask(id);
    end_turn();
    answer_epoch(scripted.count - 1, epoch);
}

static void
test_only_what_a_change_was_about_is_read_again(void **state)
{
    (void)state;
    learn(7, "7", "1");
    learn(8, "8", "1");
    ask(8);
    ask_under(7, "3");
    assert_int_equal(asked[2].answers + asked[3].answers, 0);
    answer_changes(scripted.count - 1, "1", "3", (const struct change[]){ { "2", "9" }, { "3", "7" } }, 2);
    assert_told(2, GATE_ALIVE);
    assert_int_equal(asked[3].answers, 0);
    int64_t ids[BATCH_MAX];
    assert_int_equal(scripted_numbers(scripted.count - 1, 0, ids), 1);
    assert_int_equal(ids[0], 7);
    answer_states(scripted.count - 1, "3", &(struct state){ "7", "t", NULL }, 1);
    assert_told(3, GATE_ENDED);
    int calls = scripted.count;
    ask_under(8, "3");
    assert_told(4, GATE_ALIVE);
    ask_under(7, "3");
    assert_told(5, GATE_ENDED);
    assert_int_equal(scripted.count, calls + 2);
}

/* What makes it unknown which tokens the changes were about, and the epoch that the answer tells. */
static const struct {
    const char *epoch;
    struct change changes[3];
    int count;
} unclear[] = {
    { "2", { { NULL, NULL } }, 1 },              /* nothing is noted */
    { "2", { { "2", NULL } }, 1 },               /* about any token */
    { "3", { { "2", "9" }, { "3", NULL } }, 2 }, /* the same */
    { "3", { { "3", "9" } }, 1 },                /* what the first was about is not there any more */
    { "4", { { "2", "9" }, { "4", "9" } }, 2 },  /* one is missing between */
    { "4", { { "2", "9" }, { "3", "9" } }, 2 },  /* and at the end */
    { "1", { { NULL, NULL } }, 1 },              /* the epoch went back meanwhile, though not further */
};

static void
test_an_unclear_change_forgets_everything(void **state)
{
    for (size_t i = 0; i < sizeof(unclear) / sizeof(unclear[0]); i++) {
        learn(7, "7", "1");
        ask_under(7, i + 1 < sizeof(unclear) / sizeof(unclear[0]) ? unclear[i].epoch : "2");
        answer_changes(scripted.count - 1, "1", unclear[i].epoch, unclear[i].changes, unclear[i].count);
        if (strcmp(unclear[i].epoch, "1") == 0) {
            assert_told(asked_count - 1, GATE_ALIVE);
        } else {
            assert_int_equal(asked[asked_count - 1].answers, 0);
            answer_states(scripted.count - 1, unclear[i].epoch, &(struct state){ "7", "t", NULL }, 1);
            assert_told(asked_count - 1, GATE_ENDED);
        }
        tear_down(state);
        set_up(state);
    }
}

static void
test_too_many_changes_forget_everything(void **state)
{
    (void)state;
    struct change changes[CHANGES_MAX];
    char epochs[CHANGES_MAX][8];
    learn(7, "7", "1");
    for (int i = 0; i < CHANGES_MAX; i++) {
        snprintf(epochs[i], sizeof(epochs[i]), "%d", i + 2);
        changes[i] = (struct change){ epochs[i], "9" };
    }
    ask_under(7, "1001");
    answer_changes(scripted.count - 1, "1", "1001", changes,
                   CHANGES_MAX - 1); /* one short of the epoch, too */
    assert_int_equal(asked[1].answers, 0);
    answer_states(scripted.count - 1, "1001", &(struct state){ "7", NULL, NULL }, 1);
    ask_under(7, "2001");
    for (int i = 0; i < CHANGES_MAX; i++) {
        snprintf(epochs[i], sizeof(epochs[i]), "%d", i + 1002);
    }
    answer_changes(scripted.count - 1, "1001", "2001", changes,
                   CHANGES_MAX - 1); /* with the first, as many as there can be */
    assert_int_equal(asked[2].answers, 0);
    answer_states(scripted.count - 1, "2001", &(struct state){ "7", "t", NULL }, 1);
    assert_told(2, GATE_ENDED);
}

static void
test_without_the_changes_nobody_gets_in(void **state)
{
    (void)state;
    learn(7, "7", "1");
    ask_under(7, "2");
    lose(scripted.count - 1);
    assert_told(1, GATE_UNAVAILABLE);
    ask_under(7, "2");
    refuse(scripted.count - 1, "57014");
    assert_told(2, GATE_UNAVAILABLE);
    ask_under(7, "2");
    answer(scripted.count - 1, NULL, 0, CHANGE_CELLS);
    assert_told(3, GATE_UNAVAILABLE);
    ask_under(7, "2");
    answer_changes(scripted.count - 1, "1", "2", &(struct change){ "2", "9" }, 1);
    assert_told(4, GATE_ALIVE);
}

/* Two rounds may both see that the epoch has moved, and their answers may overtake each other. */
static void
test_changes_that_are_known_already_do_no_harm(void **state)
{
    (void)state;
    learn(7, "7", "1");
    int calls = scripted.count;
    ask(7);
    end_turn();
    for (int i = 0; i < SECOND_ROUND; i++) {
        ask(7);
    }
    end_turn();
    answer_epoch(calls, "2");
    answer_epoch(calls + 1, "3");
    answer_changes(calls + 3, "1", "3", (const struct change[]){ { "2", "9" }, { "3", "7" } }, 2);
    answer_states(scripted.count - 1, "3", &(struct state){ "7", "t", NULL }, 1);
    assert_told(asked_count - 1, GATE_ENDED);
    answer_changes(calls + 2, "1", "3", (const struct change[]){ { "2", "9" }, { "3", "7" } }, 2);
    assert_told(1, GATE_ENDED);
}

/* The slower of two answers tells of an epoch before the one that is known by now: it may be a restored
 * database's. */
static void
test_changes_that_were_overtaken_forget_everything(void **state)
{
    (void)state;
    learn(7, "7", "1");
    int calls = scripted.count;
    ask(7);
    end_turn();
    for (int i = 0; i < SECOND_ROUND; i++) {
        ask(7);
    }
    end_turn();
    answer_epoch(calls, "2");
    answer_epoch(calls + 1, "3");
    answer_changes(calls + 3, "1", "3", (const struct change[]){ { "2", "9" }, { "3", "9" } }, 2);
    assert_told(asked_count - 1, GATE_ALIVE);
    answer_changes(calls + 2, "1", "2", &(struct change){ "2", "9" }, 1);
    assert_int_equal(asked[1].answers, 0);
    answer_states(scripted.count - 1, "2", &(struct state){ "7", "t", NULL }, 1);
    assert_told(1, GATE_ENDED);
}

/* The changes were asked for since an epoch of the time before: they tell nothing of what is known now. */
static void
test_changes_of_an_earlier_life_forget_everything(void **state)
{
    (void)state;
    learn(7, "7", "5");
    ask_under(8, "6");
    int changes = scripted.count - 1;
    ask_under(7, "3"); /* the database was restored */
    answer_states(scripted.count - 1, "3", &(struct state){ "7", NULL, NULL }, 1);
    answer_changes(changes, "5", "6", &(struct change){ "6", "9" }, 1);
    answer_states(scripted.count - 1, "6", &(struct state){ "8", NULL, NULL }, 1);
    ask_under(7, "6");
    assert_int_equal(asked[3].answers, 0);
    answer_states(scripted.count - 1, "6", &(struct state){ "7", "t", NULL }, 1);
    assert_told(3, GATE_ENDED);
}

/* An epoch that goes back is that of a restored database: what was read under the same number before is
 * another's. */
static void
test_an_epoch_that_goes_back_forgets_everything(void **state)
{
    (void)state;
    learn(7, "7", "5");
    ask_under(7, "3");
    assert_int_equal(asked[1].answers, 0);
    answer_states(scripted.count - 1, "3", &(struct state){ "7", NULL, NULL }, 1);
    ask_under(8, "5"); /* as high as before */
    answer_changes(scripted.count - 1, "3", "5", (const struct change[]){ { "4", "9" }, { "5", "7" } }, 2);
    ask_under(7, "5");
    assert_int_equal(asked[3].answers, 0);
    answer_states(scripted.count - 1, "5", &(struct state){ "7", "t", NULL }, 1);
    assert_told(3, GATE_ENDED);
}

/* A restored database in which other changes have reached the same number, or gone beyond, before it was
 * asked. */
static void
test_the_same_number_of_another_transaction_forgets_everything(void **state)
{
    (void)state;
    learn(7, "7", "5");
    ask(7);
    end_turn();
    answer(scripted.count - 1, (const char *const[]){ "5", NOW, "1005" }, 1, 3);
    assert_int_equal(asked[1].answers, 0);
    answer_states(scripted.count - 1, "5", &(struct state){ "7", "t", NULL }, 1);
    assert_told(1, GATE_ENDED);
}

static void
test_changes_since_another_transactions_epoch_forget_everything(void **state)
{
    static const char *const transactions[] = { "1005", NULL };
    for (size_t i = 0; i < 2; i++) {
        learn(7, "7", "5");
        ask_under(7, "6");
        answer_changes_of(scripted.count - 1, "5", transactions[i], "6", &(struct change){ "6", "9" }, 1);
        assert_int_equal(asked[1].answers, 0);
        answer_states(scripted.count - 1, "6", &(struct state){ "7", "t", NULL }, 1);
        assert_told(1, GATE_ENDED);
        tear_down(state);
        set_up(state);
    }
}

/* What was read before the cache was cleared must not come to be known after it. */
static void
test_states_that_were_asked_for_before_are_told_and_not_kept(void **state)
{
    (void)state;
    ask_under(7, "5");
    int states = scripted.count - 1;
    ask_under(8, "3");
    answer_states(states, "5", &(struct state){ "7", NULL, NULL }, 1);
    assert_told(0, GATE_ALIVE);
    ask_under(7, "3");
    assert_int_equal(asked[2].answers, 0);
    assert_int_equal(scripted.calls[scripted.count - 1].query, QUERY_GATE_STATES);
}

/* Another server may have taken over, without the last commits of the old one. */
static void
test_a_new_connection_forgets_everything(void **state)
{
    (void)state;
    learn(7, "7", "5");
    struct db *connection = scripted.connections[1];
    connection->options.on_state(connection, false, connection->options.argument);
    assert_int_equal(states_told, 1);
    ask_under(7, "5");
    assert_told(1, GATE_ALIVE);
    connection->options.on_state(connection, true, connection->options.argument);
    assert_int_equal(states_told, 2);
    ask_under(7, "5");
    assert_int_equal(asked[2].answers, 0);
    answer_states(scripted.count - 1, "5", &(struct state){ "7", "t", NULL }, 1);
    assert_told(2, GATE_ENDED);
}

/* The round saw epoch 1, the states' own snapshot epoch 2, whose change was about the same token. */
static void
test_a_state_is_known_under_the_epoch_of_its_own_snapshot(void **state)
{
    (void)state;
    ask_under(7, "1");
    answer_states(1, "2", &(struct state){ "7", NULL, NULL }, 1);
    ask_under(7, "1");
    assert_told(1, GATE_ALIVE); /* newer than asked */
    ask_under(7, "2");
    answer_changes(scripted.count - 1, "1", "2", &(struct change){ "2", "7" }, 1);
    assert_told(2, GATE_ALIVE);
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
    answer_epoch(calls, "1");
    assert_told(1, GATE_ALIVE);
    assert_int_equal(asked[2].answers, 0);
    assert_int_equal(scripted.count, calls + 2); /* its own round has begun */
    answer_epoch(calls + 1, "2");
    assert_int_equal(asked[2].answers, 0);
    answer_changes(calls + 2, "1", "2", &(struct change){ "2", "7" }, 1);
    answer_states(calls + 3, "2", &(struct state){ "7", "t", NULL }, 1);
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
    answer(scripted.count - 1, (const char *const[]){ "1", "1999", "1" }, 1, 3);
    assert_told(1, GATE_ALIVE);
    ask(7);
    end_turn();
    answer(scripted.count - 1, (const char *const[]){ "1", "2000", "1" }, 1, 3);
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
    answer(scripted.count - 1, NULL, 0, 3); /* the row is gone */
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
        TEST(test_only_what_a_change_was_about_is_read_again),
        TEST(test_an_unclear_change_forgets_everything),
        TEST(test_too_many_changes_forget_everything),
        TEST(test_without_the_changes_nobody_gets_in),
        TEST(test_changes_that_are_known_already_do_no_harm),
        TEST(test_changes_that_were_overtaken_forget_everything),
        TEST(test_changes_of_an_earlier_life_forget_everything),
        TEST(test_an_epoch_that_goes_back_forgets_everything),
        TEST(test_the_same_number_of_another_transaction_forgets_everything),
        TEST(test_changes_since_another_transactions_epoch_forget_everything),
        TEST(test_states_that_were_asked_for_before_are_told_and_not_kept),
        TEST(test_a_new_connection_forgets_everything),
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
