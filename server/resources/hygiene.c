#include "server/resources/hygiene.h"
#include "server/request/endpoint.h"
#include <string.h>

#define FINDING_SIZE 128

const struct endpoint hygiene_list = { .query = QUERY_HYGIENE_LIST, .answer = ENDPOINT_PAGE };

static request_function dismissed;

enum step_result
hygiene_dismiss(struct request *request)
{
    struct http_slice id = route_values_find(&request->path, "finding")->text;
    char finding[FINDING_SIZE];
    if (id.length >= sizeof(finding)) {
        return answer_refuse(&request->answer, PROBLEM_NOT_FOUND, NULL);
    }
    memcpy(finding, id.bytes, id.length);
    finding[id.length] = '\0';
    const struct db_named values[] = { { "finding", DB_TEXT(finding) }, { 0 } };
    request_then(request, dismissed);
    return endpoint_query(request, QUERY_HYGIENE_DISMISS, values);
}

static enum step_result
dismissed(struct request *request)
{
    return endpoint_refused(request, NULL, true) ? STEP_DONE : answer_empty(&request->answer, 204);
}
