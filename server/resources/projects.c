#include "server/resources/projects.h"
#include "server/request/await.h"
#include "server/request/endpoint.h"
#include "server/request/page.h"

static const struct input draft[] = {
    { "name", INPUT_NAME, .required = true },
    { 0 },
};

static const struct input changes[] = {
    { "name", INPUT_NAME, .required = false },
    { 0 },
};

const struct endpoint projects_create = { .query = QUERY_PROJECTS_CREATE,
                                          .answer = ENDPOINT_CREATED,
                                          .inputs = draft };
const struct endpoint projects_update = { .query = QUERY_PROJECTS_UPDATE,
                                          .answer = ENDPOINT_ROW,
                                          .inputs = changes };

static request_function listed;

/* Scripts call this at every run, so the calls of one loop turn share a query. */
enum step_result
projects_list(struct request *request)
{
    const struct caller *caller = request->auth.caller;
    if (!page_read(request, false)) {
        return STEP_DONE;
    }
    const int64_t numbers[] = { caller->is_admin ? caller->organization_id : caller->user_id,
                                request->page.cursor, request->page.limit + 1 };
    request_then(request, listed);
    return await_batched_query(
        request, caller->is_admin ? QUERY_PROJECTS_LIST_FOR_ADMIN : QUERY_PROJECTS_LIST_FOR_MEMBER, numbers);
}

static enum step_result
listed(struct request *request)
{
    return await_failed(request, NULL) ? STEP_DONE : page_answer(request);
}
