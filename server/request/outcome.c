#include "server/request/outcome.h"
#include "common/memory.h"
#include <stdlib.h>

static void
free_hash(struct outcome *outcome)
{
    if (outcome->hash) {
        secret_wipe(outcome->hash, sizeof(*outcome->hash));
        free(outcome->hash);
        outcome->hash = NULL;
    }
}

void
outcome_set_rows(struct outcome *outcome, const struct db_result *result, int first, int count)
{
    db_result_free(outcome->result);
    outcome->result = db_result_keep(result);
    outcome->first_row = first;
    outcome->row_count = count;
}

void
outcome_set_hash(struct outcome *outcome, const struct hasher_result *hash)
{
    free_hash(outcome);
    outcome->hash = memory_new(1, sizeof(*outcome->hash));
    *outcome->hash = *hash;
}

void
outcome_settle_guess(struct outcome *outcome, bool was_wrong)
{
    if (outcome->guess.target) {
        guess_throttle_settle(outcome->throttle, &outcome->guess, was_wrong);
    }
    outcome->guess.target = NULL;
}

void
outcome_end(struct outcome *outcome)
{
    outcome_settle_guess(outcome, outcome->hash && outcome->hash->outcome == HASHER_MISMATCH);
    free_hash(outcome);
    db_result_free(outcome->result);
}
