/* What a request waits for: a query, argon2. Each function begins the wait and returns STEP_WAIT; afterwards
 * request->outcome holds what came of it. */
#ifndef SERVER_REQUEST_AWAIT_H
#define SERVER_REQUEST_AWAIT_H

#include "server/request/request.h"

/* Sends a query on a handlers' connection; its result is in outcome.result afterwards, and all rows are this
 * request's. `values` are copied. */
enum step_result await_query(struct request *request, enum query query, const struct db_value *values);

/* The same for a read that is batched with others of its kind: outcome.first_row and row_count say which rows
 * are this request's. */
enum step_result await_batched_query(struct request *request, enum query query, const int64_t *numbers);

/* After a query: true when it failed for a reason that is not the client's; the answer is set, 503 or 500. A
 * violated constraint of the name `expected` (NULL: none) is not such a reason. */
bool await_failed(struct request *request, const char *expected_constraint);

/* Argon2 work on a hasher thread; outcome.hash afterwards. Refused with 503 when the queue is full. */
enum step_result await_verify(struct request *request, enum hasher_share share, const unsigned char *key,
                              const char *encoded, const char *secret, size_t length);
enum step_result await_hash(struct request *request, enum hasher_share share, const char *secret,
                            size_t length);

/* guess_throttle_begin() for the request's address: the seconds that the guess has to wait, 0 when it may be
 * made now; `target` lives as long as the request. A guess that is open when the request ends was wrong if
 * argon2 has said so. */
int64_t await_begin_guess(struct request *request, enum guess_kind kind, const char *target);

#endif
