#include "server/resources/projects.h"
#include "server/list.h"
#include <stdio.h>

static void
write_project(struct json_writer *writer, const struct db_result *result, int row)
{
    char id[32];
    snprintf(id, sizeof(id), "PRJ-%s", db_text(result, row, 0));
    json_open_object(writer);
    json_text_member(writer, "id", id);
    json_text_member(writer, "name", db_text(result, row, 1));
    json_text_member(writer, "role", db_text(result, row, 2));
    json_close_object(writer);
}

static enum step_result
listed(struct request *request)
{
    return list_answer(request, 0, write_project);
}

enum step_result
projects_list(struct request *request)
{
    struct list_page page;
    char id[DB_NUMBER_SIZE];
    const struct caller *caller = request->caller;
    if (!list_page_read(request, &page)) {
        return STEP_DONE;
    }
    const struct db_value values[] = {
        db_number(id, caller->is_admin ? caller->organization_id : caller->user_id), page.cursor, page.count
    };
    request_then(request, listed);
    return request_query(
        request, caller->is_admin ? QUERY_PROJECTS_LIST_FOR_ADMIN : QUERY_PROJECTS_LIST_FOR_MEMBER, values);
}
