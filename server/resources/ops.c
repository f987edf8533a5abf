#include "server/resources/ops.h"
#include "server/metrics.h"

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
    if (!loop_all_serving(request->loop->shared)) {
        return request_refuse(request, PROBLEM_UNAVAILABLE, NULL);
    }
    request_then(request, pinged);
    return request_query(request, QUERY_DB_PING, NULL);
}

/* A proxy on this machine is a loopback client, too; but it says that it is one. */
static bool
is_of_this_machine(const struct request *request)
{
    static const char *const fields_of_proxies[] = { "x-forwarded-for", "forwarded", "via", "x-real-ip" };
    for (size_t i = 0; i < sizeof(fields_of_proxies) / sizeof(fields_of_proxies[0]); i++) {
        if (http_head_field(request->head, fields_of_proxies[i]).bytes) {
            return false;
        }
    }
    return client_address_is_loopback(&request->address);
}

enum step_result
ops_metrics(struct request *request)
{
    const struct shared *shared = request->loop->shared;
    if (!request->is_for_metrics && (shared->metrics_sockets || !is_of_this_machine(request))) {
        return request_refuse(request, PROBLEM_NOT_FOUND, NULL);
    }
    size_t length;
    char *text = metrics_write(shared, &length);
    return request_answer_bytes(request, 200, "text/plain; version=0.0.4; charset=utf-8", text, length);
}
