#include "server/auth/gate.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/retry.h"
#include "server/auth/caller_cache.h"
#include "server/auth/gate_limits.h"
#include "server/database/handlers.h"
#include "server/metrics.h"
#include <event2/event.h>
#include <stdlib.h>

/* PostgreSQL's clock may go back by so much without a warning. */
#define CLOCK_BACK_US (60 * INT64_C(1000000))

STAILQ_HEAD(question_list, gate_question);

/* One query for the epoch, and the questions that arrived before it was sent. One at a time on each
 * connection: questions that arrive meanwhile share the next. */
struct round {
    struct gate *gate;
    struct db *connection;
    bool under_way;
    int64_t begun_us;
    struct question_list questions;
};

/* One query for what has changed since the cache's epoch, and the questions whose round saw a later one. */
struct catch_up {
    struct gate *gate;
    struct epoch since;
    uint64_t life;
    struct question_list questions;
};

/* One query for states. Several questions may be about one token. */
struct batch {
    struct gate *gate;
    uint64_t life; /* of the cache, when the query was sent */
    size_t count;
    int64_t token_ids[GATE_BATCH_MAX];
    struct question_list questions;
};

struct gate {
    struct db *connections[GATE_CONNECTIONS];
    struct round rounds[GATE_CONNECTIONS]; /* each on the connection of its index */
    int rounds_under_way;
    struct event *turn_end;       /* active when questions wait for the end of this turn */
    struct question_list waiting; /* for a round */
    size_t waiting_count;
    struct caller_cache *callers;
    struct retry_log clock_back;
    struct metrics *metrics;
    void (*on_state)(struct db *db, bool usable, void *argument); /* of the options that the gate was given */
    void *on_state_argument;
    bool closing;
};

static db_callback on_epoch, on_changes, on_states;
static void ask_for_changes(struct gate *gate, struct question_list *questions);
static void answer_known(struct gate *gate, struct question_list *questions, int64_t now);

/* --- answers --- */

static struct gate_question *
take_first(struct question_list *questions)
{
    struct gate_question *first = STAILQ_FIRST(questions);
    if (first) {
        STAILQ_REMOVE_HEAD(questions, in_list);
    }
    return first;
}

static void
answer(struct gate_question *question, struct caller *caller, int64_t now)
{
    enum gate_status status = !caller || caller->has_ended ? GATE_ENDED
                              : caller->expires_us <= now  ? GATE_EXPIRED
                                                           : GATE_ALIVE;
    question->callback(status, status == GATE_ENDED ? NULL : caller, question->argument);
}

static void
fail(struct gate *gate, struct question_list *questions)
{
    for (struct gate_question *question; (question = take_first(questions));) {
        counter_add(&gate->metrics->gate_failures, 1);
        question->callback(GATE_UNAVAILABLE, NULL, question->argument);
    }
}

/* --- rounds: questions wait for the end of the turn, and share a query for the epoch --- */

/* The round to begin now: on a free connection, a usable one before others; NULL when all are under way. */
static struct round *
choose_round(struct gate *gate)
{
    struct round *best = NULL;
    for (int i = 0; i < GATE_CONNECTIONS; i++) {
        struct round *round = &gate->rounds[i];
        bool usable = db_usable(round->connection);
        if (!usable && gate_usable(gate)) {
            continue;
        }
        if (!round->under_way && (!best || db_pending(round->connection) < db_pending(best->connection))) {
            best = round;
        }
    }
    return best;
}

static bool
is_worth_a_round(const struct gate *gate)
{
    return gate->waiting_count > 0 && !gate->closing &&
           (gate->rounds_under_way == 0 || gate->waiting_count >= GATE_SECOND_ROUND_MIN);
}

static void
begin_round(struct gate *gate)
{
    struct round *round = is_worth_a_round(gate) ? choose_round(gate) : NULL;
    if (round) {
        gate->rounds_under_way++;
        STAILQ_CONCAT(&round->questions, &gate->waiting);
        histogram_add(&gate->metrics->gate_round_size, metrics_size_bounds, gate->waiting_count);
        gate->waiting_count = 0;
        round->under_way = true;
        round->begun_us = clock_monotonic_us();
        db_call(round->connection, QUERY_GATE_EPOCH, NULL, true, on_epoch, round);
    }
}

static void
on_turn_end(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    begin_round(argument);
}

void
gate_ask(struct gate *gate, struct gate_question *question)
{
    if (gate->waiting_count == 0) {
        event_active(gate->turn_end, 0, 0);
    }
    STAILQ_INSERT_TAIL(&gate->waiting, question, in_list);
    gate->waiting_count++;
    counter_add(&gate->metrics->gate_questions, 1);
}

/* --- the epoch is here --- */

static struct epoch
epoch_of(const struct db_result *result)
{
    return (struct epoch){ db_int64(result, 0, 0), db_int64(result, 0, 2) };
}

static bool
is_same(struct epoch one, struct epoch other)
{
    return one.number == other.number && one.transaction == other.transaction;
}

static void
forget_all(struct gate *gate, struct epoch epoch)
{
    counter_add(&gate->metrics->gate_resets, 1);
    caller_cache_clear(gate->callers, epoch);
}

/* The time by which tokens expire: PostgreSQL's, or a later one if its clock was set back since. */
static int64_t
latest_time(struct gate *gate, int64_t now)
{
    int64_t latest = caller_cache_tell_time(gate->callers, now);
    if (latest - now > CLOCK_BACK_US && retry_log_is_due(&gate->clock_back)) {
        log_warning(
            "PostgreSQL's clock went back: tokens that had expired stay expired until this program is "
            "restarted",
            log_number("seconds", (latest - now) / 1000000));
    }
    return latest;
}

static void
answer_round(struct gate *gate, struct question_list *questions, struct epoch epoch, int64_t now)
{
    struct epoch known = caller_cache_epoch(gate->callers);
    if (known.number > 0 && epoch.number > known.number) {
        ask_for_changes(gate, questions);
        return;
    }
    if (!is_same(epoch, known)) {
        forget_all(gate, epoch);
    }
    answer_known(gate, questions, now);
}

static void
on_epoch(const struct db_result *result, void *argument)
{
    struct round *round = argument;
    struct question_list questions = STAILQ_HEAD_INITIALIZER(questions);
    STAILQ_CONCAT(&questions, &round->questions);
    round->under_way = false;
    round->gate->rounds_under_way--;
    histogram_add(&round->gate->metrics->gate_round_us, metrics_latency_bounds,
                  (uint64_t)(clock_monotonic_us() - round->begun_us));
    /* First, so that PostgreSQL works on the next round while these requests are served. */
    begin_round(round->gate);
    if (db_status(result) == DB_OK && db_rows(result) == 1) {
        int64_t now = latest_time(round->gate, db_int64(result, 0, 1));
        answer_round(round->gate, &questions, epoch_of(result), now);
    } else {
        fail(round->gate, &questions);
    }
}

/* --- the epoch has moved: what has changed since --- */

static void
ask_for_changes(struct gate *gate, struct question_list *questions)
{
    struct catch_up *behind = memory_new(1, sizeof(*behind));
    behind->gate = gate;
    behind->since = caller_cache_epoch(gate->callers);
    behind->life = caller_cache_life(gate->callers);
    STAILQ_INIT(&behind->questions);
    STAILQ_CONCAT(&behind->questions, questions);
    counter_add(&gate->metrics->gate_catch_ups, 1);
    struct db_value value = DB_INT64(behind->since.number);
    db_call(handlers_least_busy(gate->connections, GATE_CONNECTIONS), QUERY_GATE_CHANGES, &value, true,
            on_changes, behind);
}

/* Whether the first rows are those of the epoch that is known here, made by the same transaction. Sets the
 * row after them. */
static bool
begins_with(const struct db_result *result, struct epoch since, int *ret_row)
{
    int row = 0, rows = db_rows(result);
    while (row < rows &&
           is_same((struct epoch){ db_int64(result, row, 3), db_int64(result, row, 4) }, since)) {
        row++;
    }
    *ret_row = row;
    return row > 0;
}

/* Forgets the tokens of every change between `since` and `until`. False unless every epoch between is there
 * with its tokens. */
static bool
forget_changed(struct gate *gate, const struct db_result *result, struct epoch since, int64_t until)
{
    int64_t reached = since.number;
    int row, rows = db_rows(result);
    if (rows >= db_int64(result, 0, 6) || !begins_with(result, since, &row)) {
        return false;
    }
    for (; row < rows; row++) {
        int64_t change = db_int64(result, row, 3);
        if (db_is_null(result, row, 5) || change > reached + 1) {
            return false;
        }
        caller_cache_forget(gate->callers, db_int64(result, row, 5), change);
        reached = change;
    }
    return reached == until;
}

/* An epoch that goes back is that of a restored database, or of an answer that was overtaken: nothing is
 * known of the changes between. */
static void
catch_up(struct gate *gate, const struct catch_up *behind, const struct db_result *result)
{
    struct epoch epoch = epoch_of(result), known = caller_cache_epoch(gate->callers);
    bool same_life = behind->life == caller_cache_life(gate->callers);
    if (is_same(epoch, known)) {
        return;
    }
    if (same_life && epoch.number > known.number &&
        forget_changed(gate, result, behind->since, epoch.number)) {
        caller_cache_advance(gate->callers, epoch);
    } else {
        forget_all(gate, epoch);
    }
}

static void
on_changes(const struct db_result *result, void *argument)
{
    struct catch_up *behind = argument;
    if (db_status(result) == DB_OK && db_rows(result) > 0) {
        int64_t now = latest_time(behind->gate, db_int64(result, 0, 1));
        catch_up(behind->gate, behind, result);
        answer_known(behind->gate, &behind->questions, now);
    } else {
        fail(behind->gate, &behind->questions);
    }
    free(behind);
}

/* --- states: those that are known answer at once, the others are read --- */

static void
send_batch(struct batch *batch)
{
    struct gate *gate = batch->gate;
    struct id_array ids;
    struct db_value value = id_array_value(&ids, batch->token_ids, batch->count);
    counter_add(&gate->metrics->gate_refills, batch->count);
    db_call(handlers_least_busy(gate->connections, GATE_CONNECTIONS), QUERY_GATE_STATES, &value, true,
            on_states, batch);
}

static bool
holds(const struct batch *batch, int64_t token_id)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->token_ids[i] == token_id) {
            return true;
        }
    }
    return false;
}

/* Adds the question to the batch; a full one is sent first, and the next begun. */
static struct batch *
add_to_batch(struct gate *gate, struct batch *batch, struct gate_question *question)
{
    bool held = batch && holds(batch, question->token_id);
    if (batch && !held && batch->count == GATE_BATCH_MAX) {
        send_batch(batch);
        batch = NULL;
    }
    if (!batch) {
        batch = memory_new(1, sizeof(*batch));
        batch->gate = gate;
        batch->life = caller_cache_life(gate->callers);
        STAILQ_INIT(&batch->questions);
    }
    if (!held) {
        batch->token_ids[batch->count++] = question->token_id;
    }
    STAILQ_INSERT_TAIL(&batch->questions, question, in_list);
    return batch;
}

static void
answer_known(struct gate *gate, struct question_list *questions, int64_t now)
{
    struct batch *batch = NULL;
    for (struct gate_question *question; (question = take_first(questions));) {
        struct caller *caller = caller_cache_find(gate->callers, question->token_id);
        if (caller) {
            answer(question, caller, now);
        } else {
            batch = add_to_batch(gate, batch, question);
        }
    }
    if (batch) {
        send_batch(batch);
    }
}

static struct caller *
find_row(struct caller *const *callers, int rows, int64_t token_id)
{
    for (int row = 0; row < rows; row++) {
        if (callers[row]->token_id == token_id) {
            return callers[row];
        }
    }
    return NULL;
}

static void
answer_batch(struct batch *batch, const struct db_result *result)
{
    struct caller *callers[GATE_BATCH_MAX];
    int rows = db_rows(result);
    int64_t now = 0;
    for (int row = 0; row < rows; row++) {
        now = latest_time(batch->gate, db_int64(result, row, 1));
        callers[row] = caller_of_token(result, row, 2);
        caller_cache_put(batch->gate->callers, callers[row], db_int64(result, row, 0), batch->life);
    }
    for (struct gate_question *question; (question = take_first(&batch->questions));) {
        answer(question, find_row(callers, rows, question->token_id), now);
    }
    for (int row = 0; row < rows; row++) {
        caller_free(callers[row]);
    }
}

static void
on_states(const struct db_result *result, void *argument)
{
    struct batch *batch = argument;
    if (db_status(result) == DB_OK && db_rows(result) <= GATE_BATCH_MAX) {
        answer_batch(batch, result);
    } else {
        fail(batch->gate, &batch->questions);
    }
    free(batch);
}

/* --- the gate and its connections --- */

size_t
gate_usable_count(const struct gate *gate)
{
    size_t count = 0;
    for (int i = 0; i < GATE_CONNECTIONS; i++) {
        count += db_usable(gate->connections[i]);
    }
    return count;
}

bool
gate_usable(const struct gate *gate)
{
    return gate_usable_count(gate) > 0;
}

/* A new connection may be to another server, which took over without the last commits of the old one: there,
 * the same epoch can stand for other changes. */
static void
on_state(struct db *db, bool usable, void *argument)
{
    struct gate *gate = argument;
    if (usable) {
        forget_all(gate, (struct epoch){ 0, 0 });
    }
    if (gate->on_state) {
        gate->on_state(db, usable, gate->on_state_argument);
    }
}

struct gate *
gate_new(struct event_base *base, const struct db_options *options, size_t capacity, struct metrics *metrics)
{
    struct gate *gate = memory_new(1, sizeof(*gate));
    struct db_options own = *options;
    gate->metrics = metrics;
    gate->callers = caller_cache_new(capacity);
    gate->on_state = options->on_state;
    gate->on_state_argument = options->argument;
    own.on_state = on_state;
    own.argument = gate;
    for (int i = 0; i < GATE_CONNECTIONS; i++) {
        gate->connections[i] = db_new(base, &own);
        gate->rounds[i].gate = gate;
        gate->rounds[i].connection = gate->connections[i];
        STAILQ_INIT(&gate->rounds[i].questions);
    }
    STAILQ_INIT(&gate->waiting);
    gate->turn_end = event_new(base, -1, 0, on_turn_end, gate);
    return gate;
}

/* Callbacks may ask again, until the last of them has returned. */
void
gate_free(struct gate *gate)
{
    if (!gate) {
        return;
    }
    gate->closing = true;
    for (int i = 0; i < GATE_CONNECTIONS; i++) {
        db_free(gate->connections[i]);
    }
    fail(gate, &gate->waiting);
    caller_cache_free(gate->callers);
    event_free(gate->turn_end);
    free(gate);
}
