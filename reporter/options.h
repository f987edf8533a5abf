/* The command line. One table has every option: its type, what it may hold, its default, and its meaning. */
#ifndef REPORTER_OPTIONS_H
#define REPORTER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The subcommands, as bits: an option belongs to some of them. */
enum { OPTIONS_REPORT = 1, OPTIONS_RESUME = 2, OPTIONS_DOCTOR = 4, OPTIONS_ROTATE = 8 };

struct options {
    char *token; /* from --token, moved out of argv, where other users see it; NULL: not given */
    const char *token_file;
    const char *url;
    const char *project_id, *cycle_id;
    int64_t org_id;
    const char *format;
    const char **files; /* patterns, in their order */
    size_t file_count;
    const char *build_id;
    const char *skipped_as; /* blocked, ignore or skipped */
    const char *missing_id; /* warn or fail */
    const char *duplicates; /* last or worst */
    const char *cacert;
    const char *spool_dir; /* NULL: the usual place */
    const char *summary_file;
    int64_t retries;
    int64_t timeout_s; /* for all attempts together */
    const char *exec;  /* the command that gets a new token */
    bool if_due, delete_old;
    bool dry_run, six_digit_ids, fail_on_empty, allow_empty, keep_going;
    bool json, quiet, verbose, help;
};

/* Reads the words behind the subcommand; words that are no options are files. What the environment says
 * (TESTKASE_URL) fills in what the words leave out. Returns 0 and options for options_free(), or -1 and a
 * sentence in `ret_error` that never quotes a value. The options keep pointers into `words`. */
int options_read(int command, int count, char **words, struct options *ret_options, char *ret_error,
                 size_t error_size);

/* Wipes the token and frees. */
void options_free(struct options *options);

/* The options of a subcommand, as the section of a manual page. */
void options_print_help(FILE *out, int command);

#endif
