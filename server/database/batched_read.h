/* Reads of one kind that requests of one turn of the loop make, sent as one query: for PostgreSQL a query of
 * twenty reads costs little more than one of a single read. The query takes an array of numbers per
 * parameter, all of one length, and the first column of each of its rows is the read it belongs to, from 1,
 * in ascending order. */
#ifndef SERVER_DATABASE_BATCHED_READ_H
#define SERVER_DATABASE_BATCHED_READ_H

#include "common/db.h"

#define BATCHED_READ_PARAMETERS_MAX 4

struct batched_read;
struct event_base;

/* `first` of `count` rows of `result` are the read's; none unless db_status() is DB_OK. `result` lives until
 * the callback returns. */
typedef void batched_read_callback(const struct db_result *result, int first, int count, void *argument);

/* `choose` names the connection for the next query. */
struct batched_read *batched_read_new(struct event_base *base, enum query query,
                                      struct db *(*choose)(void *argument), void *argument);
/* Sends what is gathered, so that it ends when its connection is freed, which comes next. NULL is fine. */
void batched_read_free(struct batched_read *read);

enum query batched_read_query(const struct batched_read *read);

/* Ends in exactly one callback, never from within this call. As many numbers as the query has parameters,
 * which are copied. */
void batched_read_call(struct batched_read *read, const int64_t *numbers, batched_read_callback *callback,
                       void *argument);

#endif
