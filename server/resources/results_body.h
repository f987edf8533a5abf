/* The body of POST /automation/results, up to 16 MiB and 50 000 results: inflated, read and checked, and
 * turned into the parameters of its statement. This takes a few tenths of a second, so it runs in the
 * background (server/background.h): nothing here touches a request or a loop. */
#ifndef SERVER_RESOURCES_RESULTS_BODY_H
#define SERVER_RESOURCES_RESULTS_BODY_H

#include "common/problem.h"
#include "common/secret.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESULTS_BODY_MAX ((size_t)16 * 1024 * 1024) /* also of what a compressed body inflates to */
#define RESULTS_MAX      50000

struct results_body {
    /* What to read; freed by results_body_free(). */
    char *bytes;
    size_t length;
    bool is_gzip;

    /* PROBLEM_NONE, or why the body is refused. */
    struct problem problem;

    /* What was read, when it is not refused. The texts of arrays are in PostgreSQL's form, of equal length.
     */
    int64_t organization, project, cycle;
    bool is_dry_run;
    char *build; /* JSON */
    char *automation_ids, *statuses, *names, *durations, *messages;
    unsigned char digest[SECRET_DIGEST_SIZE]; /* of the body as it was before compression */
};

/* Takes ownership of nothing; `bytes` is copied. */
struct results_body *results_body_new(const char *bytes, size_t length, bool is_gzip);
void results_body_read(struct results_body *body);
/* NULL is fine. */
void results_body_free(struct results_body *body);

#endif
