/* A PostgreSQL that answers when and as the test says: takes the place of common/db.c and db_result.c in a
 * test of the server. Calls are kept in their order until scripted_reset(), and wait. Each is ended by
 * answer(), refuse() or lose() with its index, in any order, or by answer_next() and its like with its query.
 * Cells are text, NULL for SQL NULL. */
#ifndef TESTS_UNIT_SERVER_SCRIPTED_DB_H
#define TESTS_UNIT_SERVER_SCRIPTED_DB_H

#include "common/db.h"
#include "common/text.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPTED_CALLS_MAX  512
#define SCRIPTED_VALUES_MAX 16

struct db {
    bool usable;
    int pending;
    struct db_options options;
};

struct db_result {
    int references;
    enum db_status status;
    char sqlstate[6];
    int rows, columns;
    const char *const *names; /* of the columns; NULL: they have none */
    const char **cells;       /* its own copies, but for a result that a test has made itself */
};

struct scripted_call {
    struct db *db;
    enum query query;
    bool binary, ended;
    struct {
        bool is_null;
        int length;  /* < 0: text */
        char *bytes; /* NUL-ended */
    } values[SCRIPTED_VALUES_MAX];
    db_callback *callback;
    void *argument;
};

static struct {
    struct db *connections[8];
    int connection_count;
    struct scripted_call calls[SCRIPTED_CALLS_MAX];
    int count;
    int results;              /* not yet freed */
    const char *const *names; /* of the next result's columns */
} scripted;

static inline void
scripted_reset(void)
{
    for (int i = 0; i < scripted.count; i++) {
        for (int j = 0; j < SCRIPTED_VALUES_MAX; j++) {
            free(scripted.calls[i].values[j].bytes);
        }
    }
    memset(&scripted, 0, sizeof(scripted));
}

/* --- what the test says --- */

static inline void
scripted_end(int index, enum db_status status, const char *sqlstate, const char *const *cells, int rows,
             int columns)
{
    struct scripted_call *call = &scripted.calls[index];
    struct db_result *result = calloc(1, sizeof(*result));
    assert_true(index < scripted.count && !call->ended);
    call->ended = true;
    call->db->pending--;
    result->references = 1;
    result->status = status;
    result->rows = rows;
    result->columns = columns;
    result->names = scripted.names;
    result->cells = calloc((size_t)(rows * columns) + 1, sizeof(*result->cells));
    for (int i = 0; i < rows * columns; i++) {
        result->cells[i] = cells[i] ? strdup(cells[i]) : NULL;
    }
    strncpy(result->sqlstate, sqlstate, 5);
    scripted.results++;
    call->callback(result, call->argument);
    db_result_free(result);
}

static inline void
answer(int index, const char *const *cells, int rows, int columns)
{
    scripted_end(index, DB_OK, "", cells, rows, columns);
}

/* A result whose columns have names. */
static inline void
answer_named(int index, const char *const *names, const char *const *cells, int rows, int columns)
{
    scripted.names = names;
    scripted_end(index, DB_OK, "", cells, rows, columns);
    scripted.names = NULL;
}

static inline void
refuse(int index, const char *sqlstate)
{
    scripted_end(index, DB_REFUSED, sqlstate, NULL, 0, 0);
}

static inline void
lose(int index)
{
    scripted_end(index, DB_UNAVAILABLE, "", NULL, 0, 0);
}

static inline int
scripted_waiting_count(enum query query)
{
    int count = 0;
    for (int i = 0; i < scripted.count; i++) {
        count += scripted.calls[i].query == query && !scripted.calls[i].ended;
    }
    return count;
}

/* The call of `query` that waits, after `skipped` earlier ones that wait, too. */
static inline int
scripted_waiting(enum query query, int skipped)
{
    assert_true(scripted_waiting_count(query) > skipped);
    int index = -1;
    for (int passed = 0; passed <= skipped;) {
        index++;
        passed += scripted.calls[index].query == query && !scripted.calls[index].ended;
    }
    return index;
}

static inline void
answer_next(enum query query, const char *const *cells, int rows, int columns)
{
    answer(scripted_waiting(query, 0), cells, rows, columns);
}

static inline void
refuse_next(enum query query, const char *sqlstate)
{
    refuse(scripted_waiting(query, 0), sqlstate);
}

static inline void
lose_next(enum query query)
{
    lose(scripted_waiting(query, 0));
}

/* How many numbers the bigint[] of a value has. */
static inline int
scripted_numbers(int index, int value, int64_t *ret_numbers)
{
    uint32_t header[5], element[3];
    const char *at = scripted.calls[index].values[value].bytes;
    memcpy(header, at, sizeof(header));
    assert_int_equal(be32toh(header[0]), 1);
    assert_int_equal(be32toh(header[2]), 20); /* int8 */
    int count = (int)be32toh(header[3]);
    assert_int_equal(scripted.calls[index].values[value].length,
                     sizeof(header) + (size_t)count * sizeof(element));
    for (int i = 0; i < count; i++) {
        memcpy(element, at + sizeof(header) + (size_t)i * sizeof(element), sizeof(element));
        assert_int_equal(be32toh(element[0]), 8);
        ret_numbers[i] = (int64_t)((uint64_t)be32toh(element[1]) << 32 | be32toh(element[2]));
    }
    return count;
}

/* --- common/db.h --- */

struct db *
db_new(struct event_base *base, const struct db_options *options)
{
    (void)base;
    struct db *db = calloc(1, sizeof(*db));
    db->usable = true;
    db->options = *options;
    scripted.connections[scripted.connection_count++] = db;
    return db;
}

void
db_free(struct db *db)
{
    for (int i = 0; i < scripted.count; i++) {
        if (scripted.calls[i].db == db && !scripted.calls[i].ended) {
            lose(i);
        }
    }
    free(db);
}

bool
db_usable(const struct db *db)
{
    return db->usable;
}

bool
db_schema_refused(const struct db *db)
{
    (void)db;
    return false;
}

bool
db_history_refused(const struct db *db)
{
    (void)db;
    return false;
}

void
db_on_notification(struct db *db, void (*callback)(const char *channel, void *argument), void *argument)
{
    (void)db;
    (void)callback;
    (void)argument;
}

const char *
db_failure(const struct db *db)
{
    return db->usable ? "" : "gone";
}

int
db_pending(const struct db *db)
{
    return db->pending;
}

void
db_call(struct db *db, enum query query, const struct db_value *values, bool binary, db_callback *callback,
        void *argument)
{
    assert_true(scripted.count < SCRIPTED_CALLS_MAX);
    struct scripted_call *call = &scripted.calls[scripted.count++];
    *call = (struct scripted_call){
        .db = db, .query = query, .binary = binary, .callback = callback, .argument = argument
    };
    assert_in_range(query_texts[query].parameters, 0, SCRIPTED_VALUES_MAX);
    for (int i = 0; i < query_texts[query].parameters; i++) {
        char number[TEXT_NUMBER_SIZE] = "";
        const char *text = values[i].bytes ? values[i].bytes : number;
        if (values[i].length == DB_LENGTH_NUMBER) {
            text_number(values[i].number, number);
        }
        size_t length = values[i].length < 0 ? strlen(text) : (size_t)values[i].length;
        call->values[i].is_null = !values[i].bytes && values[i].length != DB_LENGTH_NUMBER;
        call->values[i].length = values[i].length;
        call->values[i].bytes = calloc(1, length + 1);
        memcpy(call->values[i].bytes, text, length);
    }
    db->pending++;
}

static inline const char *
scripted_cell(const struct db_result *result, int row, int column)
{
    assert_in_range(row, 0, result->rows - 1);
    assert_in_range(column, 0, result->columns - 1);
    return result->cells[row * result->columns + column];
}

enum db_status
db_status(const struct db_result *result)
{
    return result->status;
}

const char *
db_sqlstate(const struct db_result *result)
{
    return result->sqlstate;
}

const char *
db_constraint(const struct db_result *result)
{
    (void)result;
    return "";
}

const char *
db_message(const struct db_result *result)
{
    return result->status == DB_REFUSED ? "refused" : "";
}

int
db_rows(const struct db_result *result)
{
    return result->rows;
}

bool
db_is_null(const struct db_result *result, int row, int column)
{
    return !scripted_cell(result, row, column);
}

const char *
db_text(const struct db_result *result, int row, int column)
{
    return scripted_cell(result, row, column);
}

int64_t
db_int64(const struct db_result *result, int row, int column)
{
    const char *cell = scripted_cell(result, row, column);
    return cell ? strtoll(cell, NULL, 10) : 0;
}

bool
db_bool(const struct db_result *result, int row, int column)
{
    const char *cell = scripted_cell(result, row, column);
    return cell && *cell == 't';
}

int
db_columns(const struct db_result *result)
{
    return result->columns;
}

const char *
db_column_name(const struct db_result *result, int column)
{
    return result->names ? result->names[column] : "";
}

/* By the name, as far as tests need it. */
enum db_type
db_column_type(const struct db_result *result, int column)
{
    const char *name = db_column_name(result, column);
    return strcmp(name, "id") == 0       ? DB_TYPE_INTEGER
           : strncmp(name, "is", 2) == 0 ? DB_TYPE_BOOLEAN
           : strcmp(name, "json") == 0   ? DB_TYPE_JSON
                                         : DB_TYPE_TEXT;
}

int
db_column(const struct db_result *result, const char *name)
{
    for (int column = 0; column < result->columns; column++) {
        if (strcmp(db_column_name(result, column), name) == 0) {
            return column;
        }
    }
    return -1;
}

bool
db_named_find(const struct db_named *values, const char *name, struct db_value *ret_value)
{
    for (; values && values->name; values++) {
        if (strcmp(values->name, name) == 0) {
            *ret_value = values->value;
            return true;
        }
    }
    return false;
}

const void *
db_bytes(const struct db_result *result, int row, int column, size_t *ret_length)
{
    const char *cell = scripted_cell(result, row, column);
    *ret_length = cell ? strlen(cell) : 0;
    return cell ? cell : "";
}

struct db_result *
db_result_keep(const struct db_result *result)
{
    struct db_result *kept = (struct db_result *)result;
    kept->references++;
    return kept;
}

void
db_result_free(struct db_result *result)
{
    if (result && --result->references == 0) {
        scripted.results--;
        for (int i = 0; i < result->rows * result->columns; i++) {
            free((char *)result->cells[i]);
        }
        free(result->cells);
        free(result);
    }
}

#endif
