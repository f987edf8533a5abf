#include "server/resources/results.h"
#include "server/request/await.h"
#include "server/request/endpoint.h"
#include "server/request/idempotency.h"
#include "server/resources/results_body.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct refusal refusals[] = {
    { "key_used_otherwise", PROBLEM_VALIDATION_FAILED, "Idempotency-Key",
      "was used for other results; use a new key for each upload" },
    { "not_found", PROBLEM_NOT_FOUND, NULL,
      "You may see no such project, or it has no such test cycle that takes results; check projectId and "
      "cycleId." },
    { 0 },
};

static request_function read, reported;

static void
work(void *body)
{
    results_body_read(body);
}

static void
free_body(void *body)
{
    results_body_free(body);
}

enum step_result
results_report(struct request *request)
{
    char key[IDEMPOTENCY_KEY_SIZE];
    if (!idempotency_key_read(request, key)) {
        return STEP_DONE;
    }
    size_t length;
    const char *bytes = connection_body(request->connection, &length);
    bool is_gzip = http_slice_equals_nocase(http_head_field(request->head, "content-encoding"), "gzip");
    request->handler_data = results_body_new(bytes, length, is_gzip);
    request->handler_free = free_body;
    request_then(request, read);
    return await_background(request, work);
}

static enum step_result
refuse(struct request *request, const struct problem *problem)
{
    if (problem->error_count == 0) {
        return answer_refuse(&request->answer, problem->code, problem->detail);
    }
    for (size_t i = 0; i < problem->error_count; i++) {
        answer_field_error(&request->answer, problem->errors[i].field, problem->errors[i].detail);
    }
    return answer_refuse_fields(&request->answer);
}

static enum step_result
read(struct request *request)
{
    const struct results_body *body = request->handler_data;
    if (body->problem.code != PROBLEM_NONE) {
        return refuse(request, &body->problem);
    }
    int64_t organization = request->auth.caller->organization_id;
    if (body->organization != organization) {
        char detail[80];
        snprintf(detail, sizeof(detail), "is not the token's organization, which is %" PRId64, organization);
        answer_field_error(&request->answer, "orgId", detail);
        return answer_refuse_fields(&request->answer);
    }
    char key[IDEMPOTENCY_KEY_SIZE];
    idempotency_key_read(request, key);
    const struct db_named values[] = {
        { "projectId", DB_INT64(body->project) },
        { "cycleId", DB_INT64(body->cycle) },
        { "key", key[0] ? DB_TEXT(key) : DB_NULL },
        { "digest", DB_BINARY((const char *)body->digest, sizeof(body->digest)) },
        { "build", DB_TEXT(body->build) },
        { "ids", DB_TEXT(body->automation_ids) },
        { "statuses", DB_TEXT(body->statuses) },
        { "names", DB_TEXT(body->names) },
        { "durations", DB_TEXT(body->durations) },
        { "messages", DB_TEXT(body->messages) },
        { "dryRun", DB_TEXT(body->is_dry_run ? "true" : "false") },
        { 0 },
    };
    request_then(request, reported);
    return endpoint_query(request, QUERY_AUTOMATION_REPORT, values);
}

static enum step_result
reported(struct request *request)
{
    if (endpoint_refused(request, refusals, true)) {
        return STEP_DONE;
    }
    const struct db_result *result = request->outcome.result;
    const char *answer = db_text(result, 0, db_column(result, "answer"));
    json_put_raw(answer_json(&request->answer, 200), answer, strlen(answer));
    return STEP_DONE;
}
