/* Waiting for a query or for argon2. Each function begins the wait and returns STEP_WAIT; when the request
 * goes on, request->outcome holds the result. */
#ifndef SERVER_REQUEST_AWAIT_H
#define SERVER_REQUEST_AWAIT_H

#include "server/request/request.h"

/* Sends a query on one of the handlers' connections. The result is outcome.result, and all its rows belong to
 * this request. `values` are copied. */
enum step_result await_query(struct request *request, enum query query, const struct db_value *values);

/* The same for a read that is batched with reads of other requests: outcome.first_row and row_count say which
 * rows belong to this request. */
enum step_result await_batched_query(struct request *request, enum query query, const int64_t *numbers);

/* After a query: true when it failed; the answer is set then, 503 or 500. A violation of the constraint
 * `expected_constraint` (NULL: of none) does not count as a failure. */
bool await_failed(struct request *request, const char *expected_constraint);

/* Runs argon2 on a hasher thread; the result is outcome.hash. Answers 503 when the queue is full. */
enum step_result await_verify(struct request *request, enum hasher_share share, const unsigned char *key,
                              const char *encoded, const char *secret, size_t length);
enum step_result await_hash(struct request *request, const char *secret, size_t length);

/* Runs work on the background's thread (server/background.h). `argument` must be the handler's own
 * (request->handler_data), which is freed after the work, also when the client has left. Answers 503 when too
 * much work waits. */
enum step_result await_background(struct request *request, void (*work)(void *argument));

/* guess_throttle_begin() for the request's address. Returns how many seconds the guess must wait, or 0 when
 * it may be made now. `target` must live as long as the request. A guess that is still open when the request
 * ends counts as wrong if argon2 found a mismatch. */
int64_t await_begin_guess(struct request *request, enum guess_kind kind, const char *target);

/* The same for a token, before await_verify(HASHER_TOKENS) with this key and hash. While the same token is
 * being compared already, for another request, this is no guess of its own, and need not wait. */
int64_t await_begin_token_guess(struct request *request, enum guess_kind kind, const char *lookup_id,
                                const unsigned char *key, const char *encoded);

#endif
