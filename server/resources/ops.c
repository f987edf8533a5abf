#include "server/resources/ops.h"
#include "server/loop.h"
#include "server/request/await.h"

static enum step_result
answer_status(struct request *request, const char *status)
{
    struct json_writer *writer = answer_json(&request->answer, 200);
    json_open_object(writer);
    json_text_member(writer, "status", status);
    json_close_object(writer);
    return STEP_DONE;
}

enum step_result
ops_health(struct request *request)
{
    return answer_status(request, "ok");
}

static request_function pinged;

enum step_result
ops_ready(struct request *request)
{
    if (!loop_all_serving(request->loop->server)) {
        return answer_refuse(&request->answer, PROBLEM_UNAVAILABLE, NULL);
    }
    request_then(request, pinged);
    return await_query(request, QUERY_DB_PING, NULL);
}

static enum step_result
pinged(struct request *request)
{
    return await_failed(request, NULL) ? STEP_DONE : answer_status(request, "ready");
}
