/* The results of a request's waits: rows, a hash, and the guess that is under way. await.c fills it. */
#ifndef SERVER_REQUEST_OUTCOME_H
#define SERVER_REQUEST_OUTCOME_H

#include "common/db.h"
#include "server/auth/guess_throttle.h"
#include "server/auth/hasher.h"

/* Begins zeroed. */
struct outcome {
    struct db_result *result;
    int first_row, row_count;        /* the rows of the result that are this request's */
    enum query query;                /* the statement that was sent last */
    struct hasher_result *hash;      /* of argon2 */
    struct guess_throttle *throttle; /* of the guess */
    struct guess guess;              /* begun and not settled; a NULL target means that there is none */
};

/* Keeps the rows, in place of earlier ones. */
void outcome_set_rows(struct outcome *outcome, const struct db_result *result, int first, int count);
/* Copies the result, in place of an earlier one, which is wiped. */
void outcome_set_hash(struct outcome *outcome, const struct hasher_result *hash);

/* Settles the open guess, if there is one. */
void outcome_settle_guess(struct outcome *outcome, bool was_wrong);

/* Wipes and frees. An open guess counts as wrong if argon2 found a mismatch. */
void outcome_end(struct outcome *outcome);

#endif
