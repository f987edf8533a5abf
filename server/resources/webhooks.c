#include "server/resources/webhooks.h"
#include "common/memory.h"
#include "common/secret.h"
#include "server/request/endpoint.h"
#include "server/request/row.h"
#include "server/resources/webhook_url.h"
#include "server/server.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PLATFORMS "slack|discord|teams|google_chat|custom"
#define EVENTS                                                                                               \
    "api_key.created|api_key.rotated|api_key.revoked|api_key.expired|api_key.rotation_due|api_key.expiring|" \
    "api_key.leaked|api_key.rate_limited|user.deactivated|test_cycle.completed|automation.results_received"

/* Standard Webhooks 1.0.0: 24 to 64 random bytes, in Base64 behind this. */
#define SECRET_PREFIX "whsec_"
#define SECRET_BYTES  32
#define SECRET_SIZE   (sizeof(SECRET_PREFIX) + 44)

static const struct input draft[] = {
    { "name", INPUT_NAME, .required = true },
    { "platform", INPUT_CHOICE, .required = true, .choices = PLATFORMS },
    { "url", INPUT_LINE, .required = true },
    { "events", INPUT_WORDS, .required = true, .choices = EVENTS },
    { 0 },
};

static const struct input changes[] = {
    { "name", INPUT_NAME, .required = false },
    { "url", INPUT_LINE, .required = false },
    { "events", INPUT_WORDS, .choices = EVENTS },
    { "status", INPUT_CHOICE, .choices = "enabled|disabled" },
    { 0 },
};

static const struct input rotation[] = {
    { "overlapHours", INPUT_INTEGER, .least = 0, .most = 168, .fallback = "24" },
    { 0 },
};

static const struct input filter[] = {
    { "state", INPUT_CHOICE, .in_query = true, .choices = "queued|sent|parked" },
    { 0 },
};

static const struct refusal refusals[] = {
    { "webhooks_limit", PROBLEM_CONFLICT, NULL,
      "The organization has 20 webhooks, which is the most; delete one." },
    { "disabled", PROBLEM_CONFLICT, NULL, "The webhook is disabled; enable it first." },
    { "overlapping", PROBLEM_CONFLICT, NULL,
      "The secret before this one still signs, too, and would not any more. Wait until that ends, or end it "
      "with "
      "\"overlapHours\": 0." },
    { "unsigned", PROBLEM_CONFLICT, NULL,
      "Only webhooks of the platform custom are signed, and have a secret to rotate." },
    { 0 },
};

static const struct refusal test_refusals[] = {
    { "too_many", PROBLEM_CONFLICT, NULL, "Ten tests were sent in the last minute; wait for the next." },
    { "disabled", PROBLEM_CONFLICT, NULL, "The webhook is disabled; enable it first." },
    { 0 },
};

const struct endpoint webhooks_list = { .query = QUERY_WEBHOOKS_LIST, .answer = ENDPOINT_PAGE };
const struct endpoint webhooks_get = { .query = QUERY_WEBHOOKS_GET, .answer = ENDPOINT_ROW };
const struct endpoint webhooks_delete = { .query = QUERY_WEBHOOKS_DELETE, .answer = ENDPOINT_EMPTY };
const struct endpoint webhooks_test = { .query = QUERY_WEBHOOKS_TEST,
                                        .answer = ENDPOINT_CREATED,
                                        .refusals = test_refusals };
const struct endpoint webhooks_deliveries = { .query = QUERY_WEBHOOKS_DELIVERIES,
                                              .answer = ENDPOINT_SUBPAGE,
                                              .inputs = filter };
const struct endpoint webhooks_redeliver = { .query = QUERY_WEBHOOKS_REDELIVER,
                                             .answer = ENDPOINT_ROW,
                                             .refusals = refusals };

static request_function created, updated, rotated;

/* --- the parts of a webhook --- */

static void
check_url(struct request *request)
{
    const char *url = input_text(request, "url");
    const char *refusal = url ? webhook_url_refusal(url, input_length(request, "url"),
                                                    request->loop->server->config->webhook_networks)
                              : NULL;
    if (refusal) {
        answer_field_error(&request->answer, "url", refusal);
    }
}

static void
free_secret(void *secret)
{
    secret_wipe(secret, SECRET_SIZE);
    free(secret);
}

static const char *
make_secret(struct request *request)
{
    unsigned char bytes[SECRET_BYTES];
    char *secret = request->handler_data = memory_new(1, SECRET_SIZE);
    request->handler_free = free_secret;
    secret_random(bytes, sizeof(bytes));
    memcpy(secret, SECRET_PREFIX, sizeof(SECRET_PREFIX));
    sodium_bin2base64(secret + strlen(SECRET_PREFIX), SECRET_SIZE - strlen(SECRET_PREFIX), bytes,
                      sizeof(bytes), sodium_base64_VARIANT_ORIGINAL);
    secret_wipe(bytes, sizeof(bytes));
    return secret;
}

/* The row and the secret, which is null for platforms without. */
static enum step_result
answer_with_secret(struct request *request, int status)
{
    struct json_writer *writer = answer_json(&request->answer, status);
    struct row_shape shape;
    row_shape_read(&shape, request->outcome.result);
    json_open_object(writer);
    row_write_members(writer, &shape, 0);
    json_text_member(writer, "secret", request->handler_data);
    json_close_object(writer);
    return STEP_DONE;
}

/* --- creation --- */

enum step_result
webhooks_create(struct request *request)
{
    input_read(request, draft);
    check_url(request);
    if (answer_has_errors(&request->answer)) {
        return answer_refuse_fields(&request->answer);
    }
    bool is_signed = strcmp(input_text(request, "platform"), "custom") == 0;
    const struct db_named values[] = {
        { "secret", DB_TEXT(is_signed ? make_secret(request) : NULL) },
        { 0 },
    };
    request_then(request, created);
    return endpoint_query(request, QUERY_WEBHOOKS_CREATE, values);
}

static enum step_result
created(struct request *request)
{
    return endpoint_refused(request, refusals, true) ? STEP_DONE : answer_with_secret(request, 201);
}

/* --- change --- */

enum step_result
webhooks_update(struct request *request)
{
    input_read(request, changes);
    check_url(request);
    if (answer_has_errors(&request->answer)) {
        return answer_refuse_fields(&request->answer);
    }
    request_then(request, updated);
    return endpoint_query(request, QUERY_WEBHOOKS_UPDATE, NULL);
}

static enum step_result
updated(struct request *request)
{
    return endpoint_refused(request, refusals, true) ? STEP_DONE : endpoint_answer_row(request, 200);
}

/* --- another secret --- */

enum step_result
webhooks_rotate_secret(struct request *request)
{
    if (!input_read(request, rotation)) {
        return STEP_DONE;
    }
    const struct db_named values[] = { { "secret", DB_TEXT(make_secret(request)) }, { 0 } };
    request_then(request, rotated);
    return endpoint_query(request, QUERY_WEBHOOKS_ROTATE_SECRET, values);
}

static enum step_result
rotated(struct request *request)
{
    return endpoint_refused(request, refusals, true) ? STEP_DONE : answer_with_secret(request, 200);
}
