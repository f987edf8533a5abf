/* Bodies of POST /api/v1/automation/results: JSON in gzip, each below the server's limits, each with an
 * idempotency key of its own. */
#ifndef REPORTER_BATCH_H
#define REPORTER_BATCH_H

#include "reporter/ci.h"
#include "reporter/merge.h"
#include <stddef.h>
#include <stdint.h>

#define BATCH_KEY_LENGTH  32
#define BATCH_RESULTS_MAX 50000              /* the server takes no more */
#define BATCH_BYTES_MAX   ((size_t)15 << 20) /* inflated; the server takes 16 MiB */

struct batch {
    char key[BATCH_KEY_LENGTH + 1]; /* Idempotency-Key: random, and the same in every attempt */
    size_t results;
    char *bytes; /* gzip */
    size_t length;
};

/* What all results of a run have in common. */
struct batch_target {
    int64_t org_id;
    const char *project_id, *cycle_id;
    const struct ci_build *build;
    bool is_dry_run; /* the server answers what it would take, and writes nothing */
};

struct batch_writer;

/* For batch_writer_free(). The target must outlive it. */
struct batch_writer *batch_writer_new(const struct batch_target *target);

/* Whether the batch has no room for another result; take it first. */
bool batch_writer_is_full(const struct batch_writer *writer);

void batch_writer_add(struct batch_writer *writer, const struct merged *merged, const char *status);

/* Ends the batch and begins the next one; for batch_free(). NULL when it has no result. */
struct batch *batch_writer_take(struct batch_writer *writer);
void batch_writer_free(struct batch_writer *writer);

/* Two halves, with keys of their own; false when it has only one result or was damaged. */
bool batch_split(const struct batch *batch, struct batch **ret_first, struct batch **ret_second);

/* NULL is fine. */
void batch_free(struct batch *batch);

#endif
