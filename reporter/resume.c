#include "reporter/resume.h"
#include "common/clock.h"
#include "reporter/credential.h"
#include "reporter/deliver.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400

struct resume {
    const struct options *options;
    struct console console;
    struct tally tally;
    struct delivery delivery;
    uint64_t results, skipped; /* results that are sent or kept; files that are left alone */
};

/* Whether a batch may be sent now; otherwise says why not. */
static bool
may_send(struct resume *resume, const char *name, const char *url, int64_t age_s)
{
    if (strcmp(url, resume->options->url) != 0) {
        console_warn(&resume->console, "%s is for %s, and not for the address given", name, url);
        return false;
    }
    if (age_s > (int64_t)SPOOL_DAYS_MAX * DAY_S) {
        console_warn(
            &resume->console,
            "%s is %lld days old: the server would not recognize it as a repetition. Remove the file, and "
            "report again what it was made of",
            name, (long long)(age_s / DAY_S));
        return false;
    }
    return true;
}

static enum outcome
send_file(struct resume *resume, const struct spool *spool, const char *name)
{
    struct spool_file file = { 0 };
    struct batch *batch;
    char *url;
    int64_t age_s;
    enum outcome outcome = OUTCOME_PARTIAL;
    switch (spool_take(spool, name, &file, &batch, &url, &age_s)) {
    case SPOOL_BUSY:
        console_say(&resume->console, "%s: another process sends it", name);
        return OUTCOME_REPORTED;
    case SPOOL_DAMAGED:
        console_error(&resume->console, "%s is damaged", name);
        resume->skipped++;
        return OUTCOME_PARTIAL;
    default:
        break;
    }
    if (may_send(resume, name, url, age_s)) {
        resume->results += batch->results;
        resume->tally.batches++;
        outcome = deliver_batch(&resume->delivery, batch, &file);
    } else {
        resume->skipped++;
        spool_file_close(&file, false);
        batch_free(batch);
    }
    free(url);
    return outcome;
}

static enum outcome
send_files(struct resume *resume, const struct spool *spool)
{
    size_t count;
    char **names = spool_list(spool, &count);
    enum outcome outcome = OUTCOME_REPORTED;
    for (size_t i = 0; i < count; i++) {
        if (outcome == OUTCOME_REPORTED || outcome == OUTCOME_PARTIAL) {
            enum outcome one = send_file(resume, spool, names[i]);
            outcome = one == OUTCOME_REPORTED ? outcome : one;
        }
        free(names[i]);
    }
    free(names);
    return outcome;
}

static enum outcome
run(struct resume *resume, struct spool *spool, const char *token)
{
    const struct options *options = resume->options;
    struct interrupt interrupt;
    interrupt_begin(&interrupt);
    resume->delivery = (struct delivery){
        .http = http_new(options->url, token, options->cacert, &interrupt),
        .console = &resume->console,
        .interrupt = &interrupt,
        .spool = spool,
        .url = options->url,
        .tally = &resume->tally,
        .retries = options->retries,
        .deadline_ms = clock_monotonic_ms() + options->timeout_s * 1000,
    };
    enum outcome outcome = send_files(resume, spool);
    http_free(resume->delivery.http);
    interrupt_end(&interrupt);
    return outcome;
}

enum outcome
resume_run(const struct options *options)
{
    struct resume resume = { .options = options };
    char error[600], *token = NULL, reason[300] = "";
    enum outcome outcome = OUTCOME_MISUSED;
    resume.console =
        (struct console){ .provider = ci_detect(), .quiet = options->quiet, .verbose = options->verbose };
    const char *refusal = http_url_refusal(options->url);
    struct spool *spool = NULL;
    if (refusal) {
        snprintf(reason, sizeof(reason), "%s", refusal);
    } else if (credential_read(options, &token, error, sizeof(error)) < 0) {
        snprintf(reason, sizeof(reason), "%.290s", error);
    } else if (!(spool = spool_open(options->spool_dir, error, sizeof(error)))) {
        outcome = OUTCOME_UNREADABLE;
        snprintf(reason, sizeof(reason), "%.290s", error);
    } else {
        outcome = run(&resume, spool, token);
        snprintf(reason, sizeof(reason), "%llu of %llu results sent; %llu files left alone",
                 (unsigned long long)resume.tally.sent, (unsigned long long)resume.results,
                 (unsigned long long)resume.skipped);
    }
    if (options->json) {
        tally_print_json(&resume.tally, outcome, reason, false);
    }
    fflush(stdout);
    console_last(&resume.console, "%s (exit status %d)", reason, outcome);
    credential_free(token);
    spool_close(spool);
    tally_free(&resume.tally);
    return outcome;
}
