#include "server/resources/projects.h"
#include "server/request/page.h"
#include <stdio.h>

static void
write_project(struct json_writer *writer, const struct db_result *result, int row)
{
    char id[32];
    snprintf(id, sizeof(id), "PRJ-%s", db_text(result, row, 1));
    json_open_object(writer);
    json_text_member(writer, "id", id);
    json_text_member(writer, "name", db_text(result, row, 2));
    json_text_member(writer, "role", db_text(result, row, 3));
    json_close_object(writer);
}

static enum step_result
listed(struct request *request)
{
    return list_answer(request, 1, write_project);
}

enum step_result
projects_list(struct request *request)
{
    struct list_page page;
    const struct caller *caller = request->caller;
    struct loop *loop = request->loop;
    if (!list_page_read(request, &page)) {
        return STEP_DONE;
    }
    request_then(request, listed);
    if (caller->is_admin) {
        return request_batched_query(
            request, loop->admin_projects,
            (const int64_t[]){ caller->organization_id, page.after, page.limit + 1 });
    }
    return request_batched_query(request, loop->member_projects,
                                 (const int64_t[]){ caller->user_id, page.after, page.limit + 1 });
}
