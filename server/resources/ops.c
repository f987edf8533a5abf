#include "server/resources/ops.h"

static enum step_result
answer_status(struct request *request, const char *status)
{
    struct json_writer *writer = request_writer(request);
    json_open_object(writer);
    json_text_member(writer, "status", status);
    json_close_object(writer);
    return request_answer_json(request, 200);
}

enum step_result
ops_health(struct request *request)
{
    return answer_status(request, "ok");
}

static enum step_result
pinged(struct request *request)
{
    if (request_query_failed(request, NULL)) {
        return STEP_DONE;
    }
    return answer_status(request, "ready");
}

enum step_result
ops_ready(struct request *request)
{
    if (!gate_usable(request->loop->gate)) {
        return request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    }
    request_then(request, pinged);
    return request_query(request, QUERY_DB_PING, NULL);
}
