/* What a run found in its files and what became of it: the numbers and short lists behind the last line,
 * --json and the summary. */
#ifndef REPORTER_TALLY_H
#define REPORTER_TALLY_H

#include "reporter/merge.h"
#include "reporter/outcome.h"
#include <stdint.h>

#define TALLY_LISTED_MAX 1000 /* of each list; the counts are exact */

/* A list of remarks, each on a test or a file. */
struct tally_list {
    size_t count; /* all */
    size_t kept;
    struct tally_item {
        const char *file; /* NULL: none */
        char *text, *detail;
    } * items;
};

struct tally {
    uint64_t files, tests;
    uint64_t by_status[RESULT_STATUSES]; /* of tests, as they were read */
    uint64_t flaky, repeated;            /* tests that passed after a failure; equal tests */
    struct tally_list without_id;        /* text: the test */
    struct tally_list suite_errors;      /* text: the suite; detail: the message */
    struct tally_list bad_files;         /* text: what is wrong */
    struct tally_list unmatched;         /* text: the id; detail: the test */
    uint64_t results;                    /* one for each id, as they are sent */
    uint64_t results_by_status[RESULT_STATUSES];
    uint64_t folded; /* ids with several different tests */
    /* Of the server's answers: */
    uint64_t sent, received, matched, server_duplicates;
    uint64_t batches, batches_sent;
    char *cycle_id;
};

/* Adds to a list; copies the texts (`detail` may be NULL), not the file. */
void tally_add(struct tally_list *list, const char *file, const char *text, const char *detail);

/* Writes the outcome as one JSON document to standard output. */
void tally_print_json(const struct tally *tally, enum outcome outcome, const char *reason, bool is_dry_run);

/* Appends the summary in Markdown to a file; returns -1 with errno set when that fails. */
int tally_write_markdown(const struct tally *tally, const char *path, const char *last_line);

void tally_free(struct tally *tally);

#endif
