#include "reporter/collect.h"
#include "reporter/clean.h"
#include "reporter/reading.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STALE_S  (6 * 3600)
#define TOLD_MAX 20 /* lines of one kind; --verbose has all */

/* One file while it is read. */
struct collecting {
    struct console *console;
    struct tally *tally;
    struct merge *merge;
    const char *file;
    uint64_t tests;
    uint64_t bytes, all_bytes; /* of all files: read so far, and altogether as far as that is known */
    unsigned told_repaired, told_notes;
    bool keep_going;
    bool is_full;
    bool is_broken; /* tests were taken from a file that cannot be read to its end */
};

/* --- what a format tells --- */

static void
on_test(void *owner, const struct result *result)
{
    struct collecting *collecting = owner;
    struct tally *tally = collecting->tally;
    collecting->tests++;
    tally->tests++;
    tally->by_status[result->status]++;
    tally->flaky += result->flaky;
    if (result->flaky) {
        console_detail(collecting->console, "flaky: %s", result->name);
    }
    if (result->ids.count == 0) {
        tally_add(&tally->without_id, collecting->file, result->name, NULL);
        console_detail(collecting->console, "without an id: %s", result->name);
        return;
    }
    switch (merge_add(collecting->merge, result, collecting->file)) {
    case MERGE_EQUAL:
        tally->repeated++;
        console_detail(collecting->console, "occurs again: %s", result->name);
        break;
    case MERGE_FLAKY:
        tally->repeated++;
        tally->flaky += !result->flaky;
        break;
    case MERGE_REPAIRED:
        tally->repeated++;
        tally->flaky++;
        if (collecting->told_repaired++ < TOLD_MAX || collecting->console->verbose) {
            console_warn(collecting->console,
                         "%s: %s: failed first and passed when it occurred again; it counts as passed. Use "
                         "--duplicates worst if these are different tests",
                         collecting->file, result->name);
        }
        break;
    case MERGE_FULL:
        collecting->is_full = true;
        break;
    default:
        break;
    }
}

static void
on_suite_error(void *owner, const char *suite, const char *message)
{
    struct collecting *collecting = owner;
    struct tally *tally = collecting->tally;
    char *line = clean_text(message, strlen(message), CLEAN_MESSAGE_MAX);
    tally_add(&tally->suite_errors, collecting->file, suite, line);
    if (tally->suite_errors.count <= TOLD_MAX || collecting->console->verbose) {
        console_warn(collecting->console, "%s: an error that no test carries%s%s: %s", collecting->file,
                     *suite ? ", in " : "", suite, line);
    }
    free(line);
}

static void
on_note(void *owner, const char *text)
{
    struct collecting *collecting = owner;
    if (collecting->told_notes++ < TOLD_MAX || collecting->console->verbose) {
        console_warn(collecting->console, "%s: %s", collecting->file, text);
    }
}

/* --- one file --- */

static void
on_block(void *owner, uint64_t length)
{
    struct collecting *collecting = owner;
    collecting->bytes += length;
    console_progress(collecting->console, "reading", collecting->bytes, collecting->all_bytes);
}

static void
tell_bad_file(struct collecting *collecting, const struct fault *fault)
{
    char text[sizeof(fault->text) + 64];
    const char *name = strcmp(collecting->file, "-") == 0 ? "standard input" : collecting->file;
    if (fault->line) {
        snprintf(text, sizeof(text), "line %llu, column %llu: %s", (unsigned long long)fault->line,
                 (unsigned long long)fault->column, fault->text);
        console_error(collecting->console, "%s:%llu:%llu: %s", name, (unsigned long long)fault->line,
                      (unsigned long long)fault->column, fault->text);
    } else {
        snprintf(text, sizeof(text), "%s", fault->text);
        console_error(collecting->console, "%s: %s", name, fault->text);
    }
    tally_add(&collecting->tally->bad_files, collecting->file, text, NULL);
}

static void
pass_test(void *owner, const struct result *result)
{
    (void)owner, (void)result;
}

static void
pass_suite_error(void *owner, const char *suite, const char *message)
{
    (void)owner, (void)suite, (void)message;
}

static void
pass_note(void *owner, const char *text)
{
    (void)owner, (void)text;
}

/* Whether a file can be read to its end, so that none is reported by half. Pipes cannot be read twice: they
 * pass. */
static bool
is_whole(struct collecting *collecting, const struct format *format)
{
    static const struct format_sink sink = { NULL, pass_test, pass_suite_error, pass_note };
    struct reading reading = { .format = format };
    struct fault fault;
    struct stat status;
    if (strcmp(collecting->file, "-") == 0 || stat(collecting->file, &status) < 0 ||
        !S_ISREG(status.st_mode) || reading_run(collecting->file, &sink, &reading, &fault) == 0) {
        return true;
    }
    tell_bad_file(collecting, &fault);
    return false;
}

static void
read_file(struct collecting *collecting, const struct format *format)
{
    const struct format_sink sink = { collecting, on_test, on_suite_error, on_note };
    struct reading reading = { .format = format, .on_block = on_block, .owner = collecting };
    struct fault fault;
    collecting->tests = 0;
    if (collecting->keep_going && !is_whole(collecting, format)) {
        return;
    }
    if (reading_run(collecting->file, &sink, &reading, &fault) < 0) {
        tell_bad_file(collecting, &fault);
        collecting->is_broken = true;
        return;
    }
    collecting->tally->files++;
    if (reading.repairs) {
        console_warn(collecting->console, "%s: %llu characters are invalid there and were replaced",
                     collecting->file, (unsigned long long)reading.repairs);
    }
    if (collecting->tests == 0) {
        console_warn(collecting->console, "%s: 0 tests", collecting->file);
    } else {
        console_say(collecting->console, "%s: %llu tests (%s)", collecting->file,
                    (unsigned long long)collecting->tests, reading.format->title);
    }
}

/* --- all files --- */

static bool
find_files(const struct options *options, struct console *console, struct tally *tally,
           struct source_list *sources)
{
    bool found_all = true;
    char error[256], folder[4096];
    for (size_t i = 0; i < options->file_count; i++) {
        const char *pattern = options->files[i];
        switch (source_add(sources, pattern, error, sizeof(error))) {
        case SOURCE_NONE:
            if (options->allow_empty) {
                console_warn(console, "%s: no such file, and --allow-empty permits that", pattern);
            } else {
                console_error(console, "%s: no such file; it was looked for from %s", pattern,
                              getcwd(folder, sizeof(folder)) ? folder : "the working directory");
                tally_add(&tally->bad_files, pattern, "no such file", NULL);
                found_all = false;
            }
            break;
        case SOURCE_FAILED:
            console_error(console, "%s: %s", pattern, error);
            tally_add(&tally->bad_files, pattern, error, NULL);
            found_all = false;
            break;
        default:
            break;
        }
    }
    return found_all;
}

/* Adds up the sizes, and warns of files that lie there from an earlier run, it seems. */
static uint64_t
look_at_files(const struct source_list *sources, struct console *console)
{
    uint64_t bytes = 0;
    time_t newest = 0;
    struct stat status;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sources->count; i++) {
            if (stat(sources->files[i].path, &status) < 0 || !S_ISREG(status.st_mode)) {
                continue;
            }
            if (round == 0) {
                bytes += (uint64_t)status.st_size;
                newest = status.st_mtime > newest ? status.st_mtime : newest;
            } else if (newest - status.st_mtime > STALE_S) {
                console_warn(console, "%s is %lld hours older than other files: is it of an earlier run?",
                             sources->files[i].path, (long long)(newest - status.st_mtime) / 3600);
            }
        }
    }
    return bytes;
}

int
collect_run(const struct options *options, struct console *console, struct tally *tally,
            struct collection *ret_collection)
{
    *ret_collection = (struct collection){ .merge = merge_new(strcmp(options->duplicates, "worst") == 0) };
    const struct format *format = format_by_name(options->format); /* NULL: auto */
    struct collecting collecting = {
        .console = console, .tally = tally, .merge = ret_collection->merge, .keep_going = options->keep_going
    };
    bool found_all = find_files(options, console, tally, &ret_collection->sources);
    collecting.all_bytes = look_at_files(&ret_collection->sources, console);
    for (size_t i = 0; i < ret_collection->sources.count; i++) {
        collecting.file = ret_collection->sources.files[i].path;
        read_file(&collecting, format);
    }
    if (collecting.is_full) {
        console_error(console, "the files hold more than %d different tests with an id", MERGE_TESTS_MAX);
    }
    return collecting.is_full || collecting.is_broken || (!found_all && !options->keep_going) ? -1 : 0;
}

void
collect_free(struct collection *collection)
{
    merge_free(collection->merge);
    source_free(&collection->sources);
    *collection = (struct collection){ 0 };
}
