/* A scripted PostgreSQL, in place of common/db_sync.c in tests of the worker. Each query gets the answer that
 * the test has set, by default DB_OK and the number 0; the queries are recorded. */
#ifndef TESTS_UNIT_WORKER_SCRIPTED_DB_H
#define TESTS_UNIT_WORKER_SCRIPTED_DB_H

#include "common/db_sync.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct db_result {
    enum db_status status;
    const char *sqlstate;
    int64_t number;
};

struct db_sync {
    bool alive;
    struct db_result answers[QUERY_COUNT];
    int calls[QUERY_COUNT];
    enum query order[64];
    int order_count;
    char values[4][96]; /* of the last call */
    char script[256];
    const char *notifications[16]; /* channels, NULL-ended */
    int notification;
    const char *columns[64];
    int column_count;
};

static struct db_sync scripted;

static inline void
scripted_reset(void)
{
    scripted = (struct db_sync){ .alive = true };
}

/* What has been asked since scripted_reset() is forgotten; the answers stay. */
static inline void
scripted_forget(void)
{
    memset(scripted.calls, 0, sizeof(scripted.calls));
    scripted.order_count = 0;
}

static inline struct db_result *
scripted_answer(struct db_result answer)
{
    struct db_result *result = malloc(sizeof(*result));
    *result = answer;
    return result;
}

struct db_result *
db_sync_call(struct db_sync *db, enum query query, const struct db_value *values)
{
    for (int i = 0; i < query_texts[query].parameters && i < 4; i++) {
        snprintf(db->values[i], sizeof(db->values[i]), "%s", values[i].bytes);
    }
    db->calls[query]++;
    if (db->order_count < 64) {
        db->order[db->order_count++] = query;
    }
    if (db->answers[query].status == DB_UNAVAILABLE) {
        db->alive = false;
    }
    return scripted_answer(db->answers[query]);
}

struct db_result *
db_sync_script(struct db_sync *db, const char *sql)
{
    snprintf(db->script, sizeof(db->script), "%s", sql);
    return scripted_answer((struct db_result){ .status = db->alive ? DB_OK : DB_UNAVAILABLE });
}

bool
db_sync_alive(const struct db_sync *db)
{
    return db->alive;
}

bool
db_sync_notification(struct db_sync *db, const char **ret_channel, const char **ret_payload)
{
    if (!db->notifications[db->notification]) {
        return false;
    }
    *ret_channel = db->notifications[db->notification++];
    *ret_payload = "{}";
    return true;
}

enum db_status
db_status(const struct db_result *result)
{
    return result->status;
}

const char *
db_sqlstate(const struct db_result *result)
{
    return result->sqlstate ? result->sqlstate : "";
}

const char *
db_message(const struct db_result *result)
{
    (void)result;
    return "refused";
}

/* The names get the numbers 1, 2, … in the order in which they are asked for; the value in such a column is
 * the answer's number plus its own. */
int
db_column(const struct db_result *result, const char *name)
{
    (void)result;
    for (int i = 0; i < scripted.column_count; i++) {
        if (strcmp(scripted.columns[i], name) == 0) {
            return i + 1;
        }
    }
    scripted.columns[scripted.column_count++] = name;
    return scripted.column_count;
}

int64_t
db_int64(const struct db_result *result, int row, int column)
{
    (void)row;
    return result->number + column;
}

void
db_result_free(struct db_result *result)
{
    free(result);
}

#endif
