#include "server/database/batched_read.h"
#include "common/memory.h"
#include "server/database/id_array.h"
#include <event2/event.h>
#include <stdlib.h>

/* Reads that share a query. */
struct batch {
    size_t count;
    int64_t numbers[BATCHED_READ_PARAMETERS_MAX][ID_ARRAY_MAX];
    struct {
        batched_read_callback *callback;
        void *argument;
    } reads[ID_ARRAY_MAX];
};

struct batched_read {
    enum query query;
    struct db *(*choose)(void *argument);
    void *argument;
    struct batch *gathered; /* not sent yet; NULL: no reads */
    struct event *turn_end; /* active while reads are gathered */
};

static int
count_rows_of(const struct db_result *result, int first, size_t read)
{
    int row = first;
    while (row < db_rows(result) && db_int64(result, row, 0) == (int64_t)read + 1) {
        row++;
    }
    return row - first;
}

static void
on_rows(const struct db_result *result, void *argument)
{
    struct batch *batch = argument;
    int first = 0;
    for (size_t i = 0; i < batch->count; i++) {
        int count = db_status(result) == DB_OK ? count_rows_of(result, first, i) : 0;
        batch->reads[i].callback(result, first, count, batch->reads[i].argument);
        first += count;
    }
    free(batch);
}

static void
send_gathered(struct batched_read *read)
{
    struct batch *batch = read->gathered;
    struct id_array arrays[BATCHED_READ_PARAMETERS_MAX];
    struct db_value values[BATCHED_READ_PARAMETERS_MAX];
    for (int i = 0; i < query_texts[read->query].parameters; i++) {
        values[i] = id_array_value(&arrays[i], batch->numbers[i], batch->count);
    }
    read->gathered = NULL;
    db_call(read->choose(read->argument), read->query, values, false, on_rows, batch);
}

static void
on_turn_end(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct batched_read *read = argument;
    if (read->gathered) {
        send_gathered(read);
    }
}

struct batched_read *
batched_read_new(struct event_base *base, enum query query, struct db *(*choose)(void *argument),
                 void *argument)
{
    struct batched_read *read = memory_new(1, sizeof(*read));
    read->query = query;
    read->choose = choose;
    read->argument = argument;
    read->turn_end = event_new(base, -1, 0, on_turn_end, read);
    return read;
}

void
batched_read_free(struct batched_read *read)
{
    if (!read) {
        return;
    }
    if (read->gathered) {
        send_gathered(read);
    }
    event_free(read->turn_end);
    free(read);
}

enum query
batched_read_query(const struct batched_read *read)
{
    return read->query;
}

void
batched_read_call(struct batched_read *read, const int64_t *numbers, batched_read_callback *callback,
                  void *argument)
{
    if (!read->gathered) {
        read->gathered = memory_new(1, sizeof(*read->gathered));
        event_active(read->turn_end, 0, 0);
    }
    struct batch *batch = read->gathered;
    for (int i = 0; i < query_texts[read->query].parameters; i++) {
        batch->numbers[i][batch->count] = numbers[i];
    }
    batch->reads[batch->count].callback = callback;
    batch->reads[batch->count].argument = argument;
    if (++batch->count == ID_ARRAY_MAX) {
        send_gathered(read);
    }
}
