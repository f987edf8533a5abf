/* Gathers the reads of one kind that requests make within a turn of the loop, and sends them as one query:
 * twenty reads in one query cost PostgreSQL little more than a single one. The query takes one array of
 * numbers for each parameter, all of the same length. The first column of each row is the read that the row
 * belongs to, counted from 1; rows come in that order. */
#ifndef SERVER_DATABASE_BATCHED_READ_H
#define SERVER_DATABASE_BATCHED_READ_H

#include "common/db.h"

#define BATCHED_READ_PARAMETERS_MAX 4

struct batched_read;
struct event_base;

/* The read's rows are `count` rows of `result` from row `first` on; none unless db_status() is DB_OK.
 * `result` lives until the callback returns. */
typedef void batched_read_callback(const struct db_result *result, int first, int count, void *argument);

/* `choose` returns the connection for the next query. */
struct batched_read *batched_read_new(struct event_base *base, enum query query,
                                      struct db *(*choose)(void *argument), void *argument);
/* Sends the reads gathered so far, so that they end when their connection is freed; free that afterwards.
 * NULL is fine. */
void batched_read_free(struct batched_read *read);

enum query batched_read_query(const struct batched_read *read);

/* Ends in exactly one callback, never from within this call. `numbers`: one for each parameter of the query;
 * copied. */
void batched_read_call(struct batched_read *read, const int64_t *numbers, batched_read_callback *callback,
                       void *argument);

#endif
