#include "server/request/await.h"
#include "common/log.h"
#include "common/memory.h"
#include "server/background.h"
#include "server/database/batched_read.h"
#include "server/database/handlers.h"
#include "server/server.h"
#include <stdlib.h>
#include <string.h>

/* --- queries --- */

static void
on_rows(const struct db_result *result, int first, int count, void *argument)
{
    struct request *request = argument;
    outcome_set_rows(&request->outcome, result, first, count);
    request_complete(request);
}

static void
on_result(const struct db_result *result, void *argument)
{
    on_rows(result, 0, db_rows(result), argument);
}

enum step_result
await_query(struct request *request, enum query query, const struct db_value *values)
{
    request->outcome.query = query;
    db_call(handlers_choose(request->loop->handlers, query), query, values, false, on_result, request);
    return request_wait(request);
}

enum step_result
await_batched_query(struct request *request, enum query query, const int64_t *numbers)
{
    request->outcome.query = query;
    batched_read_call(handlers_batched(request->loop->handlers, query), numbers, on_rows, request);
    return request_wait(request);
}

static bool
is_transient(const char *sqlstate)
{
    /* Connection; transaction rollback (deadlock); resources; object not in the state required (locks);
     * operator intervention (shutdown, cancelled); system error. */
    static const char *const classes[] = { "08", "40", "53", "55", "57", "58" };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strncmp(sqlstate, classes[i], 2) == 0) {
            return true;
        }
    }
    return false;
}

bool
await_failed(struct request *request, const char *expected_constraint)
{
    const struct db_result *result = request->outcome.result;
    if (db_status(result) == DB_OK ||
        (expected_constraint && strcmp(db_constraint(result), expected_constraint) == 0)) {
        return false;
    }
    bool may_pass = db_status(result) == DB_UNAVAILABLE || is_transient(db_sqlstate(result));
    answer_refuse(&request->answer, may_pass ? PROBLEM_UNAVAILABLE : PROBLEM_INTERNAL, NULL);
    if (db_status(result) == DB_REFUSED) {
        log_warning("query failed", log_text("request", request->id),
                    log_text("query", query_texts[request->outcome.query].name),
                    log_text("sqlstate", db_sqlstate(result)), log_text("constraint", db_constraint(result)),
                    log_text("reason", db_message(result)));
    }
    return true;
}

/* --- argon2 --- */

static void
on_hash(const struct hasher_result *result, void *argument)
{
    struct request *request = argument;
    if (result->outcome == HASHER_DROPPED) {
        answer_refuse(&request->answer, PROBLEM_UNAVAILABLE, "The service is stopping; try again.");
        request->answer.closes = true;
        request_complete_with_answer(request);
        return;
    }
    outcome_set_hash(&request->outcome, result);
    request_complete(request);
}

enum step_result
await_verify(struct request *request, enum hasher_share share, const unsigned char *key, const char *encoded,
             const char *secret, size_t length)
{
    const struct hasher_job job = { .share = share,
                                    .secret = secret,
                                    .length = length,
                                    .encoded = encoded,
                                    .key = key,
                                    .callback = on_hash,
                                    .argument = request };
    if (!hasher_verify(request->loop->mailbox, &job)) {
        return answer_refuse(&request->answer, PROBLEM_UNAVAILABLE,
                             "Too many secrets are being checked; try again shortly.");
    }
    return request_wait(request);
}

enum step_result
await_hash(struct request *request, const char *secret, size_t length)
{
    const struct hasher_job job = { .share = HASHER_CREATIONS,
                                    .secret = secret,
                                    .length = length,
                                    .cost = &request->loop->server->cost,
                                    .callback = on_hash,
                                    .argument = request };
    if (!hasher_hash(request->loop->mailbox, &job)) {
        return answer_refuse(&request->answer, PROBLEM_UNAVAILABLE,
                             "Too many secrets are being hashed; try again shortly.");
    }
    return request_wait(request);
}

/* --- work in the background --- */

struct background_wait {
    struct request *request;
    void (*work)(void *argument);
    void *argument; /* the handler's data: the thread must not look at the request */
};

static void
run_work(void *argument)
{
    const struct background_wait *wait = argument;
    wait->work(wait->argument);
}

static void
on_background(bool is_done, void *argument)
{
    struct background_wait *wait = argument;
    struct request *request = wait->request;
    free(wait);
    if (is_done) {
        request_complete(request);
        return;
    }
    answer_refuse(&request->answer, PROBLEM_UNAVAILABLE, "The service is stopping; try again.");
    request->answer.closes = true;
    request_complete_with_answer(request);
}

enum step_result
await_background(struct request *request, void (*work)(void *argument))
{
    struct background_wait *wait = memory_new(1, sizeof(*wait));
    *wait = (struct background_wait){ request, work, request->handler_data };
    const struct background_job job = { run_work, on_background, wait };
    if (!background_submit(request->loop->background, &job)) {
        free(wait);
        return answer_refuse(&request->answer, PROBLEM_UNAVAILABLE,
                             "Too many uploads are being read; try again shortly.");
    }
    return request_wait(request);
}

/* --- guesses --- */

int64_t
await_begin_guess(struct request *request, enum guess_kind kind, const char *target)
{
    struct guess guess = { .kind = kind, .address = &request->address, .target = target };
    int64_t wait = guess_throttle_begin(request->loop->server->guess_throttle, &guess);
    if (wait == 0) {
        request->outcome.throttle = request->loop->server->guess_throttle;
        request->outcome.guess = guess;
    }
    return wait;
}

int64_t
await_begin_token_guess(struct request *request, enum guess_kind kind, const char *lookup_id,
                        const unsigned char *key, const char *encoded)
{
    if (hasher_is_under_way(request->loop->mailbox, HASHER_TOKENS, key, encoded)) {
        return 0;
    }
    return await_begin_guess(request, kind, lookup_id);
}
