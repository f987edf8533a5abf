/* Results by automation id: attempts of one test, equal tests, and different tests with one id become one
 * result each.
 *
 * Attempts (the producer says so): the last one decides; a pass after a failure is flaky. Equal tests of one
 * file that no producer marked: the last one counts, or the worst one, by choice; each pass after a failure
 * is told. Equal tests of two files with equal status and duration are one. Different tests with one id
 * (parameters, browsers, runs in other files): the worst counts, in the order of enum result_status;
 * durations are added. */
#ifndef REPORTER_MERGE_H
#define REPORTER_MERGE_H

#include "reporter/result.h"

#define MERGE_TESTS_MAX 2000000 /* with an id */

struct merge;

/* For merge_free(). `worst_of_equal`: which of equal tests counts. */
struct merge *merge_new(bool worst_of_equal);

enum merge_outcome {
    MERGE_NEW,      /* the test is the first one of its ids, or another test with one of them */
    MERGE_EQUAL,    /* an equal test came before */
    MERGE_FLAKY,    /* an attempt failed before, and this one passed */
    MERGE_REPAIRED, /* an equal test failed before, and this one passed: it counts */
    MERGE_FULL      /* too many tests; the result was dropped */
};

/* Adds the result of a test with at least one id. `file` must outlive the merge. */
enum merge_outcome merge_add(struct merge *merge, const struct result *result, const char *file);

/* One result of an automation id. */
struct merged {
    int id;
    enum result_status status;
    bool flaky;
    int64_t duration_ms;
    const char *name;    /* up to CLEAN_NAME_MAX bytes */
    const char *message; /* up to CLEAN_MESSAGE_MAX bytes; NULL: none */
    const char *file;    /* of the first test with the id */
    size_t tests;        /* different ones that were folded */
};

/* How many ids there are; the result of each, in the order in which they first came. */
size_t merge_count(const struct merge *merge);
void merge_get(const struct merge *merge, size_t index, struct merged *ret_merged);

/* The result of an id; false when there is none. */
bool merge_find(const struct merge *merge, int id, struct merged *ret_merged);

/* NULL is fine. */
void merge_free(struct merge *merge);

#endif
