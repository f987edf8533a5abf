#include "server/gate.h"
#include "common/memory.h"
#include <endian.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 24
#define INT8_OID  20

struct question {
    int64_t token_id;
    gate_callback *callback;
    void *argument;
};

struct batch {
    struct batch *next;
    size_t count;
    struct question questions[BATCH_MAX];
};

struct gate {
    struct db *connections[GATE_CONNECTIONS];
    struct event *asking; /* active when a batch waits for the end of this turn */
    struct batch *first;
    struct batch *last;
};

/* PostgreSQL's binary form of a one-dimensional bigint[] (array_send). */
struct id_array {
    uint32_t dimensions, has_null, element_type, length, lower_bound;
    struct {
        uint32_t size;
        uint32_t high, low;
    } elements[BATCH_MAX];
};

static int
encode_ids(const struct batch *batch, struct id_array *ret_array)
{
    ret_array->dimensions = htobe32(1);
    ret_array->has_null = 0;
    ret_array->element_type = htobe32(INT8_OID);
    ret_array->length = htobe32((uint32_t)batch->count);
    ret_array->lower_bound = htobe32(1);
    for (size_t i = 0; i < batch->count; i++) {
        uint64_t id = (uint64_t)batch->questions[i].token_id;
        ret_array->elements[i].size = htobe32(8);
        ret_array->elements[i].high = htobe32((uint32_t)(id >> 32));
        ret_array->elements[i].low = htobe32((uint32_t)id);
    }
    return (int)(5 * sizeof(uint32_t) + batch->count * sizeof(ret_array->elements[0]));
}

static void
answer_question(const struct question *question, struct caller *const *callers, int rows)
{
    for (int row = 0; row < rows; row++) {
        if (callers[row]->token_id == question->token_id) {
            question->callback(GATE_KNOWN, callers[row], question->argument);
            return;
        }
    }
    question->callback(GATE_UNKNOWN, NULL, question->argument);
}

static void
answer_batch(const struct batch *batch, const struct db_result *result)
{
    struct caller *callers[BATCH_MAX];
    int rows = db_rows(result);
    for (int row = 0; row < rows; row++) {
        callers[row] = caller_of_token(result, row);
    }
    for (size_t i = 0; i < batch->count; i++) {
        answer_question(&batch->questions[i], callers, rows);
    }
    for (int row = 0; row < rows; row++) {
        caller_free(callers[row]);
    }
}

static void
on_states(const struct db_result *result, void *argument)
{
    struct batch *batch = argument;
    if (db_status(result) == DB_OK) {
        answer_batch(batch, result);
    } else {
        for (size_t i = 0; i < batch->count; i++) {
            batch->questions[i].callback(GATE_UNAVAILABLE, NULL, batch->questions[i].argument);
        }
    }
    free(batch);
}

/* The usable connection with the least before it. */
static struct db *
choose_connection(const struct gate *gate)
{
    struct db *best = gate->connections[0];
    for (int i = 1; i < GATE_CONNECTIONS; i++) {
        struct db *other = gate->connections[i];
        bool better =
            db_usable(other) == db_usable(best) ? db_pending(other) < db_pending(best) : db_usable(other);
        best = better ? other : best;
    }
    return best;
}

static void
ask_batches(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct gate *gate = argument;
    struct batch *batch = gate->first;
    gate->first = gate->last = NULL;
    while (batch) {
        struct batch *next = batch->next;
        struct id_array ids;
        int length = encode_ids(batch, &ids);
        db_call(choose_connection(gate), QUERY_GATE_STATES, &(struct db_value){ (const char *)&ids, length },
                true, on_states, batch);
        batch = next;
    }
}

struct gate *
gate_new(struct event_base *base, const struct db_options *options)
{
    struct gate *gate = memory_new(1, sizeof(*gate));
    for (int i = 0; i < GATE_CONNECTIONS; i++) {
        gate->connections[i] = db_new(base, options);
    }
    gate->asking = event_new(base, -1, 0, ask_batches, gate);
    return gate;
}

void
gate_free(struct gate *gate)
{
    if (!gate) {
        return;
    }
    ask_batches(-1, 0, gate);
    for (int i = 0; i < GATE_CONNECTIONS; i++) {
        db_free(gate->connections[i]);
    }
    event_free(gate->asking);
    free(gate);
}

void
gate_ask(struct gate *gate, int64_t token_id, gate_callback *callback, void *argument)
{
    if (!gate->last || gate->last->count == BATCH_MAX) {
        struct batch *batch = memory_new(1, sizeof(*batch));
        if (gate->last) {
            gate->last->next = batch;
        } else {
            gate->first = batch;
            event_active(gate->asking, 0, 0);
        }
        gate->last = batch;
    }
    gate->last->questions[gate->last->count++] = (struct question){ token_id, callback, argument };
}

bool
gate_usable(const struct gate *gate)
{
    for (int i = 0; i < GATE_CONNECTIONS; i++) {
        if (db_usable(gate->connections[i])) {
            return true;
        }
    }
    return false;
}
