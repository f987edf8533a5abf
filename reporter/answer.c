#include "reporter/answer.h"
#include <stdio.h>

#define NODES_MAX 201000 /* values: a batch's ids, and room for each to be an object */

const char *
answer_text(const struct json_value *object, const char *key)
{
    const struct json_value *value = object ? json_member(object, key) : NULL;
    return value && json_type(value) == JSON_STRING ? json_string(value, NULL) : NULL;
}

int64_t
answer_number(const struct json_value *object, const char *key)
{
    const struct json_value *value = object ? json_member(object, key) : NULL;
    return value && json_type(value) == JSON_INTEGER ? json_integer(value) : -1;
}

struct json_document *
answer_document(const struct http_answer *answer)
{
    struct json_document *document;
    const char *error;
    if (json_read_up_to(NODES_MAX, buffer_text(&answer->body), answer->body.length, &document, &error) < 0) {
        return NULL;
    }
    return document;
}

/* The usual meaning of a status, for answers that do not explain themselves. */
static const char *
status_meaning(int status)
{
    static const struct {
        int status;
        const char *meaning;
    } meanings[] = {
        { 400, "the request is malformed" },
        { 401, "the token is not valid (any more)" },
        { 403, "the token's owner may not report results there" },
        { 404, "no such project or cycle, or the address of the service is wrong" },
        { 413, "the request is too large" },
        { 422, "the server does not accept the data" },
        { 429, "too many requests" },
        { 503, "the service is not available" },
    };
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (meanings[i].status == status) {
            return meanings[i].meaning;
        }
    }
    return status >= 300 && status < 400 ? "it redirects, and the token is not sent elsewhere"
                                         : "no explanation";
}

/* ": field: detail" of the first field at fault. */
static void
describe_field(const struct json_value *problem, char *ret_text, size_t size)
{
    const struct json_value *errors = json_member(problem, "errors");
    const struct json_value *first = errors ? json_at(errors, 0, NULL) : NULL;
    const char *field = first ? answer_text(first, "field") : NULL;
    const char *detail = first ? answer_text(first, "detail") : NULL;
    ret_text[0] = '\0';
    if (field && detail) {
        snprintf(ret_text, size, ": %.100s %.200s", field, detail);
    }
}

void
answer_describe(const struct http_answer *answer, char *ret_text, size_t size)
{
    struct json_document *document = answer_document(answer);
    const char *detail = document ? answer_text(json_root(document), "detail") : NULL;
    char field[320] = "";
    if (document) {
        describe_field(json_root(document), field, sizeof(field));
    }
    const char *by = document || !answer->hop[0] ? "" : ", answered by ";
    snprintf(ret_text, size, "%d: %.250s%s%s%s%s%s", answer->status,
             detail ? detail : status_meaning(answer->status), field, *by ? by : "", *by ? answer->hop : "",
             answer->location[0] ? " to " : "", answer->location);
    json_free(document);
}
