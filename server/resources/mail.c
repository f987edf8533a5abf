#include "server/resources/mail.h"
#include "server/request/endpoint.h"
#include <string.h>

#define SECRET_LENGTH 36

static const struct input wishes[] = {
    { "reminders", INPUT_BOOLEAN, .required = false },
    { "weeklyDigest", INPUT_BOOLEAN, .required = false },
    { 0 },
};

static const struct refusal refusals[] = {
    { "not_admin", PROBLEM_FORBIDDEN, NULL,
      "Only the organization's owner and admins get the weekly digest; ask one of them." },
    { 0 },
};

const struct endpoint mail_get_wishes = { .query = QUERY_MAIL_GET_WISHES, .answer = ENDPOINT_ROW };
const struct endpoint mail_set_wishes = {
    .query = QUERY_MAIL_SET_WISHES, .answer = ENDPOINT_ROW, .inputs = wishes, .refusals = refusals
};

static request_function unsubscribed;

/* Eight, four, four, four and twelve hexadecimal digits. */
static bool
is_secret(const char *text)
{
    for (size_t i = 0; i < SECRET_LENGTH; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' : !strchr("0123456789abcdef", text[i])) {
            return false;
        }
    }
    return true;
}

enum step_result
mail_unsubscribe(struct request *request)
{
    struct http_slice given = route_values_find(&request->path, "secret")->text;
    char secret[SECRET_LENGTH + 1] = "";
    if (given.length != SECRET_LENGTH) {
        return answer_refuse(&request->answer, PROBLEM_NOT_FOUND, NULL);
    }
    memcpy(secret, given.bytes, SECRET_LENGTH);
    if (!is_secret(secret)) {
        return answer_refuse(&request->answer, PROBLEM_NOT_FOUND, NULL);
    }
    const struct db_named values[] = { { "secret", DB_TEXT(secret) }, { 0 } };
    request_then(request, unsubscribed);
    return endpoint_query(request, QUERY_MAIL_UNSUBSCRIBE, values);
}

static enum step_result
unsubscribed(struct request *request)
{
    return endpoint_refused(request, NULL, true) ? STEP_DONE : answer_empty(&request->answer, 204);
}
