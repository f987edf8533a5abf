#include "reporter/report.h"
#include "common/clock.h"
#include "common/memory.h"
#include "reporter/collect.h"
#include "reporter/credential.h"
#include "reporter/deliver.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_SIZE 512

struct report {
    const struct options *options;
    struct console console;
    struct tally tally;
    struct collection collection;
    struct ci_build build;
    char *token; /* NULL: a dry run that does not ask the server */
    enum outcome outcome;
    char reason[REASON_SIZE]; /* the last line */
};

/* The batches of a run, in order, each with its file in the spool. */
struct queue {
    struct queued {
        struct batch *batch;
        struct spool_file file;
    } * items;
    size_t count;
};

__attribute__((format(printf, 3, 4))) static void
end(struct report *report, enum outcome outcome, const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    report->outcome = outcome;
    vsnprintf(report->reason, sizeof(report->reason), form, arguments);
    va_end(arguments);
}

/* --- what is sent --- */

/* The status as the server gets it; NULL: it does not get this result. */
static const char *
status_to_send(const struct options *options, enum result_status status)
{
    if (status != RESULT_SKIPPED || strcmp(options->skipped_as, "skipped") == 0) {
        return result_status_name(status);
    }
    return strcmp(options->skipped_as, "blocked") == 0 ? result_status_name(RESULT_BLOCKED) : NULL;
}

static void
print_planned(const struct merged *merged, const char *status)
{
    char id[IDS_TEXT_SIZE];
    ids_write(merged->id, id);
    printf("%s %-7s %s\n", id, status, merged->name);
}

static void
enqueue(struct queue *queue, struct batch *batch)
{
    if (batch) {
        queue->items = memory_resize(queue->items, queue->count + 1, sizeof(*queue->items));
        queue->items[queue->count++] = (struct queued){ .batch = batch };
    }
}

/* Turns the merged results into batches; a dry run lists them, too. */
static void
make_batches(struct report *report, struct queue *queue)
{
    const struct options *options = report->options;
    const struct batch_target target = { options->org_id, options->project_id, options->cycle_id,
                                         &report->build, options->dry_run };
    struct batch_writer *writer = batch_writer_new(&target);
    for (size_t i = 0; i < merge_count(report->collection.merge); i++) {
        struct merged merged;
        merge_get(report->collection.merge, i, &merged);
        const char *status = status_to_send(options, merged.status);
        if (!status) {
            continue;
        }
        report->tally.results++;
        report->tally.results_by_status[merged.status]++;
        report->tally.folded += merged.tests > 1;
        if (options->dry_run && !options->json) {
            print_planned(&merged, status);
        }
        if (!report->token) {
            continue;
        }
        if (batch_writer_is_full(writer)) {
            enqueue(queue, batch_writer_take(writer));
        }
        batch_writer_add(writer, &merged, status);
    }
    enqueue(queue, batch_writer_take(writer));
    report->tally.batches = queue->count;
    batch_writer_free(writer);
}

/* --- sending --- */

/* All batches are in the spool before the first is sent, so that nothing is lost when the run is killed. */
static struct spool *
spool_all(struct report *report, struct queue *queue)
{
    char error[600];
    struct spool *spool = spool_open(report->options->spool_dir, error, sizeof(error));
    bool works = spool != NULL;
    for (size_t i = 0; i < queue->count && works; i++) {
        works = spool_put(spool, report->options->url, queue->items[i].batch, &queue->items[i].file, error,
                          sizeof(error)) == 0;
    }
    if (!works) {
        console_warn(&report->console, "%s; what cannot be sent will be lost", error);
    }
    return spool;
}

/* Sends one after the other; after a refusal or a failure the others would fail alike. */
static enum outcome
send_all(struct report *report, struct queue *queue, struct delivery *delivery)
{
    enum outcome outcome = OUTCOME_REPORTED;
    bool goes_on = true;
    for (size_t i = 0; i < queue->count; i++) {
        struct queued *item = &queue->items[i];
        if (!goes_on) {
            spool_file_close(&item->file, outcome == OUTCOME_REFUSED && !delivery->may_end);
            batch_free(item->batch);
            continue;
        }
        size_t results = item->batch->results;
        console_progress(&report->console, "sending", i, queue->count);
        enum outcome one = deliver_batch(delivery, item->batch, &item->file);
        goes_on = one == OUTCOME_REPORTED || one == OUTCOME_PARTIAL;
        outcome = one == OUTCOME_REPORTED ? outcome : one;
        if (goes_on) {
            console_say(&report->console, "batch %zu of %zu: %zu results %s", i + 1, queue->count, results,
                        report->options->dry_run ? "asked about" : "sent");
        }
    }
    free(queue->items);
    return outcome;
}

static void
say_sent(struct report *report, enum outcome outcome, const struct delivery *delivery)
{
    const struct spool *spool = delivery->spool;
    const struct tally *tally = &report->tally;
    unsigned long long unsent = (unsigned long long)(tally->results - tally->sent);
    if (outcome == OUTCOME_REFUSED && delivery->may_end && spool) {
        end(report, outcome,
            "refused by the server: %llu of %llu results are kept in %s; with another token, send them by "
            "`testkase-reporter resume`",
            unsent, (unsigned long long)tally->results, spool_folder(spool));
    } else if (outcome == OUTCOME_REFUSED) {
        end(report, outcome, "refused by the server: %llu of %llu results were not reported", unsent,
            (unsigned long long)tally->results);
    } else if (outcome == OUTCOME_UNREACHED && spool) {
        end(report, outcome,
            "the server was not reached: %llu of %llu results are kept in %s; send them by "
            "`testkase-reporter resume`",
            unsent, (unsigned long long)tally->results, spool_folder(spool));
    } else if (outcome == OUTCOME_UNREACHED) {
        end(report, outcome,
            "the server was not reached: %llu of %llu results were not reported, and not kept", unsent,
            (unsigned long long)tally->results);
    } else if (outcome == OUTCOME_PARTIAL) {
        end(report, outcome, "reported, but the server received %llu of %llu results",
            (unsigned long long)tally->received, (unsigned long long)tally->sent);
    }
}

/* The same in a dry run, which has nothing to lose. */
static void
say_asked(struct report *report, enum outcome outcome)
{
    if (outcome == OUTCOME_REFUSED) {
        end(report, outcome, "dry run: the server would refuse the results");
    } else if (outcome == OUTCOME_UNREACHED) {
        end(report, outcome, "dry run: the server was not reached");
    } else if (outcome == OUTCOME_PARTIAL) {
        end(report, outcome, "dry run: the server would receive %llu of %llu results",
            (unsigned long long)report->tally.received, (unsigned long long)report->tally.sent);
    }
}

static void
send_results(struct report *report, struct queue *queue)
{
    const struct options *options = report->options;
    struct interrupt interrupt;
    interrupt_begin(&interrupt);
    struct spool *spool = options->dry_run ? NULL : spool_all(report, queue);
    struct delivery delivery = {
        .http = http_new(options->url, report->token, options->cacert, &interrupt),
        .console = &report->console,
        .interrupt = &interrupt,
        .spool = spool,
        .url = options->url,
        .merge = report->collection.merge,
        .tally = &report->tally,
        .retries = options->retries,
        .deadline_ms = clock_monotonic_ms() + options->timeout_s * 1000,
    };
    enum outcome outcome = send_all(report, queue, &delivery);
    if (outcome == OUTCOME_REPORTED || outcome == OUTCOME_PARTIAL) {
        deliver_check_token(&delivery);
    }
    if (options->dry_run) {
        say_asked(report, outcome);
    } else {
        say_sent(report, outcome, &delivery);
    }
    http_free(delivery.http);
    spool_close(spool);
    interrupt_end(&interrupt);
}

/* --- the end --- */

/* What is wrong although everything was sent, and what went well. */
static void
conclude(struct report *report)
{
    const struct options *options = report->options;
    const struct tally *tally = &report->tally;
    const char *did = options->dry_run ? "would be reported" : "reported";
    unsigned long long results = (unsigned long long)tally->results;
    if (tally->suite_errors.count > 0) {
        end(report, OUTCOME_PARTIAL, "%llu results %s, but %zu errors are carried by no test", results, did,
            tally->suite_errors.count);
    } else if (tally->bad_files.count > 0) {
        end(report, OUTCOME_PARTIAL, "%llu results %s, but %zu files could not be read", results, did,
            tally->bad_files.count);
    } else if (tally->without_id.count > 0 && strcmp(options->missing_id, "fail") == 0) {
        end(report, OUTCOME_PARTIAL, "%llu results %s, but %zu tests have no automation id", results, did,
            tally->without_id.count);
    } else if (tally->batches_sent > 0 && options->dry_run) {
        end(report, OUTCOME_REPORTED,
            "dry run: %llu results would be reported to %s: %llu matched, %zu unmatched", results,
            tally->cycle_id ? tally->cycle_id : options->cycle_id, (unsigned long long)tally->matched,
            tally->unmatched.count);
    } else if (options->dry_run) {
        end(report, OUTCOME_REPORTED, "dry run: %llu results of %llu tests would be reported", results,
            (unsigned long long)tally->tests);
    } else if (results == 0) {
        end(report, OUTCOME_REPORTED,
            "nothing to report: %llu tests, none with a result for an automation id",
            (unsigned long long)tally->tests);
    } else {
        end(report, OUTCOME_REPORTED, "reported %llu results to %s: %llu matched, %zu unmatched", results,
            tally->cycle_id ? tally->cycle_id : options->cycle_id, (unsigned long long)tally->matched,
            tally->unmatched.count);
    }
}

static void
say_summary(struct report *report)
{
    const struct tally *tally = &report->tally;
    console_say(
        &report->console,
        "%llu tests in %llu files: %llu pass, %llu fail, %llu blocked, %llu skipped; %llu flaky, %llu "
        "repeated",
        (unsigned long long)tally->tests, (unsigned long long)tally->files,
        (unsigned long long)tally->by_status[RESULT_PASS], (unsigned long long)tally->by_status[RESULT_FAIL],
        (unsigned long long)tally->by_status[RESULT_BLOCKED],
        (unsigned long long)tally->by_status[RESULT_SKIPPED], (unsigned long long)tally->flaky,
        (unsigned long long)tally->repeated);
    console_say(&report->console, "%llu results by automation id, %llu of them of several tests",
                (unsigned long long)tally->results, (unsigned long long)tally->folded);
    if (tally->without_id.count > 0) {
        console_warn(&report->console, "%zu tests have no automation id, such as: %s",
                     tally->without_id.count, tally->without_id.items[0].text);
    }
}

static void
write_summary_file(struct report *report)
{
    const char *path = report->options->summary_file, *step = getenv("GITHUB_STEP_SUMMARY");
    path = path ? path : step && *step ? step : NULL;
    if (path && tally_write_markdown(&report->tally, path, report->reason) < 0) {
        console_warn(&report->console, "cannot write the summary: %s", strerror(errno));
    }
}

/* Reads, and sends what there is. */
static void
report_files(struct report *report)
{
    const struct options *options = report->options;
    struct queue queue = { 0 };
    if (collect_run(options, &report->console, &report->tally, &report->collection) < 0) {
        end(report, OUTCOME_UNREADABLE, "nothing was reported: %zu files are missing or cannot be read",
            report->tally.bad_files.count);
        return;
    }
    if (report->tally.tests == 0) {
        console_warn(&report->console, "0 tests in %llu files", (unsigned long long)report->tally.files);
        if (options->fail_on_empty) {
            end(report, OUTCOME_UNREADABLE, "nothing was reported: no file holds a test");
            return;
        }
    }
    make_batches(report, &queue);
    say_summary(report);
    if (queue.count > 0) {
        send_results(report, &queue);
    }
    if (report->outcome == OUTCOME_REPORTED) {
        conclude(report);
    }
}

static bool
wants_input_twice(const struct options *options)
{
    bool is_report = false;
    for (size_t i = 0; i < options->file_count; i++) {
        is_report = is_report || strcmp(options->files[i], "-") == 0;
    }
    return is_report && options->token_file && strcmp(options->token_file, "-") == 0;
}

/* What can be known before a file is read. */
static bool
prepare(struct report *report)
{
    const struct options *options = report->options;
    char error[256];
    const char *refusal = options->url ? http_url_refusal(options->url) : NULL;
    if (refusal) {
        end(report, OUTCOME_MISUSED, "%s", refusal);
        return false;
    }
    if (wants_input_twice(options)) {
        end(report, OUTCOME_MISUSED, "standard input cannot be both the token and a report");
        return false;
    }
    bool asks = !options->dry_run || (options->url && credential_is_given(options));
    if (asks && credential_read(options, &report->token, error, sizeof(error)) < 0) {
        end(report, OUTCOME_MISUSED, "%s", error);
        return false;
    }
    if (report->token && http_url_is_exposed(options->url)) {
        console_warn(&report->console,
                     "the token goes over http, where others can read it on its way: use https");
    }
    ci_build_read(report->console.provider, &report->build);
    if (options->build_id) {
        free(report->build.id);
        report->build.id = memory_duplicate(options->build_id);
    }
    return true;
}

enum outcome
report_run(const struct options *options)
{
    struct report report = { .options = options };
    report.console =
        (struct console){ .provider = ci_detect(), .quiet = options->quiet, .verbose = options->verbose };
    ids_take_six_digits(options->six_digit_ids);
    if (prepare(&report)) {
        console_begin_section(&report.console);
        report_files(&report);
        console_end_section(&report.console);
        write_summary_file(&report);
    }
    if (options->json) {
        tally_print_json(&report.tally, report.outcome, report.reason, options->dry_run);
    }
    fflush(stdout);
    console_last(&report.console, "%s (exit status %d)", report.reason, report.outcome);
    credential_free(report.token);
    ci_build_free(&report.build);
    collect_free(&report.collection);
    tally_free(&report.tally);
    return report.outcome;
}
