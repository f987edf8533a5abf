/* The result of one test, as a format reads it. */
#ifndef REPORTER_RESULT_H
#define REPORTER_RESULT_H

#include "reporter/ids.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From the one that gives way to the one that counts when results of one id differ. */
enum result_status { RESULT_SKIPPED, RESULT_PASS, RESULT_BLOCKED, RESULT_FAIL, RESULT_STATUSES };

struct result {
    enum result_status status;
    bool flaky;          /* passed after a failed attempt */
    bool attempt;        /* the producer says that equal results of this test are attempts */
    int64_t duration_ms; /* DURATION_NONE: unknown */
    uint64_t identity;   /* of result_identity(): equal for attempts of one test, different for other tests */
    struct ids ids;
    const char *name;    /* clean */
    const char *message; /* clean; NULL: none */
};

/* "pass", "fail" … */
const char *result_status_name(enum result_status status);

/* A digest of texts that tell one test from others; NULL counts as "". */
uint64_t result_identity(const char *const *parts, size_t count);

#endif
