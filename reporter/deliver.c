#include "reporter/deliver.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/memory.h"
#include "common/retry.h"
#include "common/text.h"
#include "reporter/answer.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RESULTS_PATH   "/automation/results"
#define FIRST_WAIT_MS  500
#define MOST_WAIT_MS   30000
#define ATTEMPT_MS     120000
#define ASK_MS         5000
#define UNMATCHED_TOLD 20
#define DAY_S          86400

/* What an attempt came to. */
enum attempt {
    ATTEMPT_TAKEN,
    ATTEMPT_AGAIN,
    ATTEMPT_TOO_LARGE,
    ATTEMPT_REFUSED,
    ATTEMPT_LOST,
    ATTEMPT_INTERRUPTED
};

/* --- an answer that the results were taken --- */

static void
tell_unmatched(struct delivery *delivery, int number)
{
    struct merged merged = { 0 };
    char id[IDS_TEXT_SIZE];
    ids_write(number, id);
    bool is_known = delivery->merge && merge_find(delivery->merge, number, &merged);
    struct tally_list *list = &delivery->tally->unmatched;
    tally_add(list, merged.file, id, is_known ? merged.name : NULL);
    if (list->count > UNMATCHED_TOLD && !delivery->console->verbose) {
        return;
    }
    if (is_known) {
        console_warn(delivery->console, "no test case of the project has the id %s: %s, in %s", id,
                     merged.name, merged.file);
    } else {
        console_warn(delivery->console, "no test case of the project has the id %s", id);
    }
}

/* The ids come as numbers. */
static void
read_unmatched(struct delivery *delivery, const struct json_value *unmatched)
{
    const struct json_value *item;
    for (size_t i = 0; unmatched && (item = json_at(unmatched, i, NULL)); i++) {
        if (json_type(item) == JSON_INTEGER && json_integer(item) >= 0 && json_integer(item) < IDS_RANGE) {
            tell_unmatched(delivery, (int)json_integer(item));
        }
    }
}

/* Whether it is an answer of the service at all; if so, it is counted. */
static bool
count_answer(struct delivery *delivery, const struct batch *batch, const struct http_answer *answer,
             bool *ret_is_whole)
{
    struct tally *tally = delivery->tally;
    struct json_document *document = answer_document(answer);
    const struct json_value *root = document ? json_root(document) : NULL;
    int64_t received = root ? answer_number(root, "received") : -1;
    if (received < 0) {
        json_free(document);
        return false;
    }
    int64_t matched = answer_number(root, "matched"), duplicates = answer_number(root, "duplicates");
    const char *cycle = answer_text(root, "cycleId");
    tally->sent += batch->results;
    tally->received += (uint64_t)received;
    tally->matched += matched > 0 ? (uint64_t)matched : 0;
    tally->server_duplicates += duplicates > 0 ? (uint64_t)duplicates : 0;
    tally->batches_sent++;
    if (cycle && !tally->cycle_id) {
        tally->cycle_id = memory_duplicate(cycle);
    }
    read_unmatched(delivery, json_member(root, "unmatched"));
    *ret_is_whole = (uint64_t)received == batch->results;
    if (!*ret_is_whole) {
        console_error(delivery->console, "%zu results were sent, and the server received %lld",
                      batch->results, (long long)received);
    }
    json_free(document);
    return true;
}

/* --- attempts --- */

static bool
may_be_repeated(int status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

static enum attempt
judge_answer(const struct http_answer *answer)
{
    if (answer->status >= 200 && answer->status < 300) {
        return ATTEMPT_TAKEN;
    }
    if (answer->status == 413) {
        return ATTEMPT_TOO_LARGE;
    }
    return may_be_repeated(answer->status) ? ATTEMPT_AGAIN : ATTEMPT_REFUSED;
}

static enum attempt
attempt(struct delivery *delivery, const struct batch *batch, struct http_answer *ret_answer)
{
    int64_t left = delivery->deadline_ms - clock_monotonic_ms();
    const struct http_request request = {
        .method = "POST",
        .path = RESULTS_PATH,
        .key = batch->key,
        .body = batch->bytes,
        .length = batch->length,
        .timeout_ms = left < 1            ? 1
                      : left < ATTEMPT_MS ? left
                                          : ATTEMPT_MS,
    };
    switch (http_send(delivery->http, &request, ret_answer)) {
    case HTTP_ANSWERED:
        return judge_answer(ret_answer);
    case HTTP_INTERRUPTED:
        return ATTEMPT_INTERRUPTED;
    case HTTP_HOPELESS:
        return ATTEMPT_LOST;
    default:
        return ATTEMPT_AGAIN;
    }
}

static void
describe_failure(const struct http_answer *answer, char *ret_text, size_t size)
{
    if (answer->error[0]) {
        snprintf(ret_text, size, "%s", answer->error);
    } else {
        answer_describe(answer, ret_text, size);
    }
}

/* Waits before the next attempt; false when there is to be none. */
static bool
wait_for_next(struct delivery *delivery, int failures, const struct http_answer *answer, const char *why)
{
    int64_t wait = retry_delay_ms(failures, FIRST_WAIT_MS, MOST_WAIT_MS);
    if (answer->retry_after_s >= 0 && answer->retry_after_s * 1000 > wait) {
        wait = answer->retry_after_s * 1000 + retry_delay_ms(1, FIRST_WAIT_MS, FIRST_WAIT_MS);
    }
    if (failures > delivery->retries) {
        console_error(delivery->console, "%s; gave up after %d attempts", why, failures);
        return false;
    }
    if (clock_monotonic_ms() + wait >= delivery->deadline_ms) {
        console_error(delivery->console, "%s; the time of --timeout does not last for another attempt", why);
        return false;
    }
    console_say(delivery->console, "%s; trying again in %.1f s (%d of %lld)", why, (double)wait / 1000,
                failures, (long long)delivery->retries);
    return !interrupt_wait(delivery->interrupt, wait);
}

/* Attempts until one is final. */
static enum attempt
attempt_all(struct delivery *delivery, const struct batch *batch, struct http_answer *ret_answer)
{
    char why[600];
    for (int failures = 0;;) {
        enum attempt outcome = attempt(delivery, batch, ret_answer);
        if (outcome != ATTEMPT_AGAIN) {
            return outcome;
        }
        describe_failure(ret_answer, why, sizeof(why));
        if (!wait_for_next(delivery, ++failures, ret_answer, why)) {
            return interrupt_arrived(delivery->interrupt) ? ATTEMPT_INTERRUPTED : ATTEMPT_LOST;
        }
        http_answer_free(ret_answer);
    }
}

/* --- what becomes of the batch --- */

static enum outcome
taken(struct delivery *delivery, const struct batch *batch, const struct http_answer *answer,
      struct spool_file *file)
{
    bool is_whole = true;
    if (!count_answer(delivery, batch, answer, &is_whole)) {
        console_error(delivery->console,
                      "the answer (%d) is none of the service: is its address right? It came from %s",
                      answer->status, answer->hop[0] ? answer->hop : "an unknown server");
        return OUTCOME_UNREACHED;
    }
    spool_file_close(file, true);
    return is_whole ? OUTCOME_REPORTED : OUTCOME_PARTIAL;
}

/* A refusal for the token may end by another token: then the spool keeps the batch. */
static enum outcome
refused(struct delivery *delivery, const struct http_answer *answer, struct spool_file *file)
{
    char why[600];
    delivery->may_end = answer->status == 401 || answer->status == 403;
    answer_describe(answer, why, sizeof(why));
    console_error(delivery->console, "the server refused: %s", why);
    spool_file_close(file, !delivery->may_end);
    return OUTCOME_REFUSED;
}

static enum outcome
put_and_deliver(struct delivery *delivery, struct batch *batch)
{
    struct spool_file file = { 0 };
    char error[300];
    if (delivery->spool &&
        spool_put(delivery->spool, delivery->url, batch, &file, error, sizeof(error)) < 0) {
        console_warn(delivery->console, "%s", error);
    }
    return deliver_batch(delivery, batch, &file);
}

static enum outcome
worse(enum outcome a, enum outcome b)
{
    static const int rank[] = { [OUTCOME_REPORTED] = 0, [OUTCOME_PARTIAL] = 1,   [OUTCOME_UNREADABLE] = 2,
                                [OUTCOME_MISUSED] = 2,  [OUTCOME_UNREACHED] = 3, [OUTCOME_REFUSED] = 4 };
    return rank[a] > rank[b] ? a : b;
}

/* The server, or a proxy before it, takes no body of that size: two halves. */
static enum outcome
halve(struct delivery *delivery, const struct batch *batch, const struct http_answer *answer,
      struct spool_file *file)
{
    struct batch *first, *second;
    if (!batch_split(batch, &first, &second)) {
        return refused(delivery, answer, file);
    }
    console_say(delivery->console, "413: a request of %zu bytes is too large for %s; sending it in halves",
                batch->length, answer->hop[0] ? answer->hop : "the server");
    spool_file_close(file, true);
    delivery->tally->batches++;
    enum outcome outcome = put_and_deliver(delivery, first);
    return worse(outcome, put_and_deliver(delivery, second));
}

enum outcome
deliver_batch(struct delivery *delivery, struct batch *batch, struct spool_file *file)
{
    struct http_answer answer;
    enum outcome outcome = OUTCOME_UNREACHED;
    switch (attempt_all(delivery, batch, &answer)) {
    case ATTEMPT_TAKEN:
        outcome = taken(delivery, batch, &answer, file);
        break;
    case ATTEMPT_TOO_LARGE:
        outcome = halve(delivery, batch, &answer, file);
        break;
    case ATTEMPT_REFUSED:
        outcome = refused(delivery, &answer, file);
        break;
    case ATTEMPT_INTERRUPTED:
        console_error(delivery->console, "interrupted");
        break;
    default:
        if (answer.error[0]) {
            console_error(delivery->console, "the server was not reached: %s", answer.error);
        }
    }
    spool_file_close(file, false);
    http_answer_free(&answer);
    batch_free(batch);
    return outcome;
}

/* --- the token --- */

bool
deliver_ask(struct delivery *delivery, const char *path, struct http_answer *ret_answer)
{
    const struct http_request request = { .method = "GET", .path = path, .timeout_ms = ASK_MS };
    return http_send(delivery->http, &request, ret_answer) == HTTP_ANSWERED && ret_answer->status == 200;
}

static void
warn_of_rotation(struct delivery *delivery, const struct json_value *token)
{
    const struct json_value *rotation = json_member(token, "rotation");
    const char *state = rotation ? answer_text(rotation, "state") : NULL;
    const char *expires = answer_text(token, "expiresAt");
    struct tm when = { 0 };
    if (!state || !expires || (strcmp(state, "due") != 0 && strcmp(state, "overdue") != 0) ||
        !strptime(expires, "%Y-%m-%dT%H:%M:%S", &when)) {
        return;
    }
    int64_t days = (timegm(&when) - clock_wall_us() / 1000000) / DAY_S;
    console_warn(delivery->console, "the token expires in %lld days (%.10s): rotate it", (long long)days,
                 expires);
}

void
deliver_check_token(struct delivery *delivery)
{
    struct http_answer answer;
    if (deliver_ask(delivery, "/api-keys/current", &answer)) {
        struct json_document *document = answer_document(&answer);
        if (document) {
            warn_of_rotation(delivery, json_root(document));
        }
        json_free(document);
    }
    http_answer_free(&answer);
}
