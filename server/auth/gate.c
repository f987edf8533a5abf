#include "server/auth/gate.h"
#include "common/clock.h"
#include "common/memory.h"
#include "server/auth/caller_cache.h"
#include "server/database/id_array.h"
#include "server/metrics.h"
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX   ID_ARRAY_MAX
#define CHANGES_MAX 1000 /* rows of gate/changes; as many may not be all */

/* Fewer questions wait for the round under way, rather than cost PostgreSQL a round of their own. */
#define SECOND_ROUND_MIN 16

struct question_list {
    struct gate_question *first;
    struct gate_question *last;
};

/* One query for the epoch, and the questions that arrived before it was sent. One at a time on each
 * connection: what arrives meanwhile shares the next. */
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
    uint64_t life; /* of the cache, when it was sent */
    size_t count;
    int64_t token_ids[BATCH_MAX];
    struct question_list questions;
};

struct gate {
    struct round rounds[GATE_CONNECTIONS];
    struct event *asking;         /* active when questions wait for the end of this turn */
    struct question_list waiting; /* not yet asked */
    size_t waiting_count;
    int rounds_under_way;
    struct caller_cache *callers;
    struct metrics *metrics;
    /* Whoever made the gate wants to know, too. */
    void (*on_state)(struct db *db, bool usable, void *argument);
    void *on_state_argument;
    bool closing;
};

static void
append(struct question_list *list, struct gate_question *question)
{
    question->next = NULL;
    if (list->last) {
        list->last->next = question;
    } else {
        list->first = question;
    }
    list->last = question;
}

static struct question_list
take(struct question_list *list)
{
    struct question_list taken = *list;
    *list = (struct question_list){ NULL, NULL };
    return taken;
}

static void
tell(struct gate_question *question, struct caller *caller, int64_t now)
{
    enum gate_status status = !caller || caller->has_ended ? GATE_ENDED
                              : caller->expires_us <= now  ? GATE_EXPIRED
                                                           : GATE_ALIVE;
    question->callback(status, status == GATE_ENDED ? NULL : caller, question->argument);
}

static void
tell_unavailable(struct gate *gate, struct question_list questions)
{
    for (struct gate_question *next, *question = questions.first; question; question = next) {
        next = question->next;
        counter_add(&gate->metrics->gate_failures, 1);
        question->callback(GATE_UNAVAILABLE, NULL, question->argument);
    }
}

/* --- the states that are not known --- */

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
tell_batch(struct batch *batch, const struct db_result *result)
{
    struct caller *callers[BATCH_MAX];
    int rows = db_rows(result);
    int64_t now = 0;
    for (int row = 0; row < rows; row++) {
        now = db_int64(result, row, 1);
        callers[row] = caller_of_token(result, row, 2);
        caller_cache_put(batch->gate->callers, callers[row], db_int64(result, row, 0), batch->life);
    }
    for (struct gate_question *next, *question = batch->questions.first; question; question = next) {
        next = question->next;
        tell(question, find_row(callers, rows, question->token_id), now);
    }
    for (int row = 0; row < rows; row++) {
        caller_free(callers[row]);
    }
}

static void
on_states(const struct db_result *result, void *argument)
{
    struct batch *batch = argument;
    if (db_status(result) == DB_OK && db_rows(result) <= BATCH_MAX) {
        tell_batch(batch, result);
    } else {
        tell_unavailable(batch->gate, batch->questions);
    }
    free(batch);
}

/* The usable connection with the least before it. */
static struct db *
choose_connection(const struct gate *gate)
{
    struct db *best = gate->rounds[0].connection;
    for (int i = 1; i < GATE_CONNECTIONS; i++) {
        struct db *other = gate->rounds[i].connection;
        bool better =
            db_usable(other) == db_usable(best) ? db_pending(other) < db_pending(best) : db_usable(other);
        best = better ? other : best;
    }
    return best;
}

static void
send_batch(struct batch *batch)
{
    struct id_array ids;
    struct db_value value = id_array_value(&ids, batch->token_ids, batch->count);
    counter_add(&batch->gate->metrics->gate_refills, batch->count);
    db_call(choose_connection(batch->gate), QUERY_GATE_STATES, &value, true, on_states, batch);
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

/* Adds the question to the batch, or sends that and begins the next. */
static struct batch *
add_to_batch(struct gate *gate, struct batch *batch, struct gate_question *question)
{
    bool held = batch && holds(batch, question->token_id);
    if (batch && !held && batch->count == BATCH_MAX) {
        send_batch(batch);
        batch = NULL;
    }
    if (!batch) {
        batch = memory_new(1, sizeof(*batch));
        batch->gate = gate;
        batch->life = caller_cache_life(gate->callers);
    }
    if (!held) {
        batch->token_ids[batch->count++] = question->token_id;
    }
    append(&batch->questions, question);
    return batch;
}

/* What is known answers at once, the rest is read. */
static void
tell_known(struct gate *gate, struct question_list questions, int64_t now)
{
    struct batch *batch = NULL;
    for (struct gate_question *next, *question = questions.first; question; question = next) {
        next = question->next;
        struct caller *caller = caller_cache_find(gate->callers, question->token_id);
        if (caller) {
            tell(question, caller, now);
        } else {
            batch = add_to_batch(gate, batch, question);
        }
    }
    if (batch) {
        send_batch(batch);
    }
}

/* --- the epoch, and what it was bumped for --- */

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

/* Whether the first rows are of the very epoch that is known here; they are passed over. */
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

/* Forgets what each change between `since` and `until` was about. False unless every epoch between is there
 * with its tokens. */
static bool
forget_changed(struct gate *gate, const struct db_result *result, struct epoch since, int64_t until)
{
    int64_t reached = since.number;
    int row, rows = db_rows(result);
    if (rows == CHANGES_MAX || !begins_with(result, since, &row)) {
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
 * known of what lies between. */
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
        catch_up(behind->gate, behind, result);
        tell_known(behind->gate, behind->questions, db_int64(result, 0, 1));
    } else {
        tell_unavailable(behind->gate, behind->questions);
    }
    free(behind);
}

static void
ask_for_changes(struct gate *gate, struct question_list questions)
{
    struct catch_up *behind = memory_new(1, sizeof(*behind));
    behind->gate = gate;
    behind->since = caller_cache_epoch(gate->callers);
    behind->life = caller_cache_life(gate->callers);
    behind->questions = questions;
    counter_add(&gate->metrics->gate_catch_ups, 1);
    struct db_value value = DB_INT64(behind->since.number);
    db_call(choose_connection(gate), QUERY_GATE_CHANGES, &value, true, on_changes, behind);
}

static void
tell_round(struct gate *gate, struct question_list questions, struct epoch epoch, int64_t now)
{
    struct epoch known = caller_cache_epoch(gate->callers);
    if (known.number > 0 && epoch.number > known.number) {
        ask_for_changes(gate, questions);
        return;
    }
    if (!is_same(epoch, known)) {
        forget_all(gate, epoch);
    }
    tell_known(gate, questions, now);
}

static void begin_rounds(struct gate *gate);

static void
on_epoch(const struct db_result *result, void *argument)
{
    struct round *round = argument;
    struct question_list questions = take(&round->questions);
    round->under_way = false;
    round->gate->rounds_under_way--;
    histogram_add(&round->gate->metrics->gate_round_us, metrics_latency_bounds,
                  (uint64_t)(clock_monotonic_us() - round->begun_us));
    /* First, so that PostgreSQL works on it while these requests are served. */
    begin_rounds(round->gate);
    if (db_status(result) == DB_OK && db_rows(result) == 1) {
        tell_round(round->gate, questions, epoch_of(result), db_int64(result, 0, 1));
    } else {
        tell_unavailable(round->gate, questions);
    }
}

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
    return gate->waiting.first && !gate->closing &&
           (gate->rounds_under_way == 0 || gate->waiting_count >= SECOND_ROUND_MIN);
}

static void
begin_rounds(struct gate *gate)
{
    struct round *round = is_worth_a_round(gate) ? choose_round(gate) : NULL;
    if (round) {
        gate->rounds_under_way++;
        round->questions = take(&gate->waiting);
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
    begin_rounds(argument);
}

/* --- the connections come and go --- */

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

/* --- the outside --- */

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
        gate->rounds[i].gate = gate;
        gate->rounds[i].connection = db_new(base, &own);
    }
    gate->asking = event_new(base, -1, 0, on_turn_end, gate);
    return gate;
}

void
gate_free(struct gate *gate)
{
    if (!gate) {
        return;
    }
    gate->closing = true;
    for (int i = 0; i < GATE_CONNECTIONS; i++) {
        db_free(gate->rounds[i].connection);
    }
    while (gate->waiting.first) {
        tell_unavailable(gate, take(&gate->waiting));
    }
    caller_cache_free(gate->callers);
    event_free(gate->asking);
    free(gate);
}

void
gate_ask(struct gate *gate, struct gate_question *question)
{
    if (!gate->waiting.first) {
        event_active(gate->asking, 0, 0);
    }
    append(&gate->waiting, question);
    gate->waiting_count++;
    counter_add(&gate->metrics->gate_questions, 1);
}

size_t
gate_usable_count(const struct gate *gate)
{
    size_t count = 0;
    for (int i = 0; i < GATE_CONNECTIONS; i++) {
        count += db_usable(gate->rounds[i].connection);
    }
    return count;
}

bool
gate_usable(const struct gate *gate)
{
    return gate_usable_count(gate) > 0;
}
