#include "reporter/tally.h"
#include "common/json.h"
#include "common/memory.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARKDOWN_LISTED 20

void
tally_add(struct tally_list *list, const char *file, const char *text, const char *detail)
{
    list->count++;
    if (list->kept == TALLY_LISTED_MAX) {
        return;
    }
    list->items = memory_resize(list->items, list->kept + 1, sizeof(*list->items));
    list->items[list->kept++] = (struct tally_item){ file, memory_duplicate(text), memory_duplicate(detail) };
}

static void
write_list(struct json_writer *writer, const char *key, const struct tally_list *list, const char *text_key,
           const char *detail_key)
{
    json_key(writer, key);
    json_open_object(writer);
    json_integer_member(writer, "count", (int64_t)list->count);
    json_key(writer, "data");
    json_open_array(writer);
    for (size_t i = 0; i < list->kept; i++) {
        json_open_object(writer);
        json_text_member(writer, "file", list->items[i].file);
        json_text_member(writer, text_key, list->items[i].text);
        if (detail_key) {
            json_text_member(writer, detail_key, list->items[i].detail);
        }
        json_close_object(writer);
    }
    json_close_array(writer);
    json_close_object(writer);
}

static void
write_statuses(struct json_writer *writer, const char *key, uint64_t total,
               const uint64_t counts[RESULT_STATUSES])
{
    json_key(writer, key);
    json_open_object(writer);
    json_integer_member(writer, "total", (int64_t)total);
    for (int i = 0; i < RESULT_STATUSES; i++) {
        json_integer_member(writer, result_status_name((enum result_status)i), (int64_t)counts[i]);
    }
    json_close_object(writer);
}

static void
write_server(struct json_writer *writer, const struct tally *tally)
{
    json_key(writer, "server");
    json_open_object(writer);
    json_text_member(writer, "cycleId", tally->cycle_id);
    json_integer_member(writer, "batches", (int64_t)tally->batches);
    json_integer_member(writer, "batchesTaken", (int64_t)tally->batches_sent);
    json_integer_member(writer, "sent", (int64_t)tally->sent);
    json_integer_member(writer, "received", (int64_t)tally->received);
    json_integer_member(writer, "matched", (int64_t)tally->matched);
    json_integer_member(writer, "duplicates", (int64_t)tally->server_duplicates);
    json_close_object(writer);
}

void
tally_print_json(const struct tally *tally, enum outcome outcome, const char *reason, bool is_dry_run)
{
    struct json_writer *writer = json_writer_new();
    size_t length;
    json_open_object(writer);
    json_integer_member(writer, "status", outcome);
    json_text_member(writer, "reason", reason);
    json_boolean_member(writer, "dryRun", is_dry_run);
    json_integer_member(writer, "files", (int64_t)tally->files);
    write_statuses(writer, "tests", tally->tests, tally->by_status);
    json_integer_member(writer, "flaky", (int64_t)tally->flaky);
    json_integer_member(writer, "repeated", (int64_t)tally->repeated);
    json_integer_member(writer, "folded", (int64_t)tally->folded);
    write_statuses(writer, "results", tally->results, tally->results_by_status);
    write_list(writer, "withoutId", &tally->without_id, "test", NULL);
    write_list(writer, "suiteErrors", &tally->suite_errors, "suite", "message");
    write_list(writer, "badFiles", &tally->bad_files, "error", NULL);
    write_list(writer, "unmatched", &tally->unmatched, "automationId", "test");
    write_server(writer, tally);
    json_close_object(writer);
    const char *bytes = json_writer_bytes(writer, &length);
    fwrite(bytes, 1, length, stdout);
    putchar('\n');
    json_writer_free(writer);
}

/* Text of a report in Markdown: as code, in which nothing is a link or markup. */
static void
print_code(FILE *out, const char *text)
{
    fputs("`", out);
    for (; *text; text++) {
        fputc(*text == '`' ? '\'' : *text, out);
    }
    fputs("`", out);
}

static void
print_markdown_list(FILE *out, const char *title, const struct tally_list *list)
{
    if (list->count == 0) {
        return;
    }
    fprintf(out, "\n**%s** (%zu)\n\n", title, list->count);
    for (size_t i = 0; i < list->kept && i < MARKDOWN_LISTED; i++) {
        fputs("- ", out);
        print_code(out, list->items[i].text);
        if (list->items[i].detail) {
            fputs(" ", out);
            print_code(out, list->items[i].detail);
        }
        if (list->items[i].file) {
            fputs(" in ", out);
            print_code(out, list->items[i].file);
        }
        fputs("\n", out);
    }
    if (list->count > MARKDOWN_LISTED) {
        fprintf(out, "- and %zu more\n", list->count - MARKDOWN_LISTED);
    }
}

int
tally_write_markdown(const struct tally *tally, const char *path, const char *last_line)
{
    FILE *out = fopen(path, "ae");
    if (!out) {
        return -1;
    }
    fputs("### Test results reported to TestKase\n\n| | pass | fail | blocked | skipped |\n"
          "|---|---|---|---|---|\n",
          out);
    fprintf(out, "| %llu tests | %llu | %llu | %llu | %llu |\n", (unsigned long long)tally->tests,
            (unsigned long long)tally->by_status[RESULT_PASS],
            (unsigned long long)tally->by_status[RESULT_FAIL],
            (unsigned long long)tally->by_status[RESULT_BLOCKED],
            (unsigned long long)tally->by_status[RESULT_SKIPPED]);
    fputs("\n", out);
    print_code(out, last_line);
    fputs("\n", out);
    print_markdown_list(out, "Errors that no test carries", &tally->suite_errors);
    print_markdown_list(out, "Files that could not be read", &tally->bad_files);
    print_markdown_list(out, "Ids that the project does not have", &tally->unmatched);
    print_markdown_list(out, "Tests without an automation id", &tally->without_id);
    int error = ferror(out) ? EIO : 0;
    if (fclose(out) != 0 || error) {
        errno = errno ? errno : error;
        return -1;
    }
    return 0;
}

static void
free_list(struct tally_list *list)
{
    for (size_t i = 0; i < list->kept; i++) {
        free(list->items[i].text);
        free(list->items[i].detail);
    }
    free(list->items);
}

void
tally_free(struct tally *tally)
{
    free_list(&tally->without_id);
    free_list(&tally->suite_errors);
    free_list(&tally->bad_files);
    free_list(&tally->unmatched);
    free(tally->cycle_id);
    *tally = (struct tally){ 0 };
}
