#include "server/list.h"

bool
list_page_read(struct request *request, struct list_page *ret_page)
{
    int64_t cursor;
    if (!request_page(request, &ret_page->limit, &cursor)) {
        return false;
    }
    ret_page->cursor = cursor < 0 ? DB_TEXT(NULL) : db_number(ret_page->cursor_text, cursor);
    ret_page->count = db_number(ret_page->limit_text, ret_page->limit + 1);
    return true;
}

enum step_result
list_answer(struct request *request, int cursor_column,
            void (*write_row)(struct json_writer *writer, const struct db_result *result, int row))
{
    int64_t limit, cursor;
    if (request_query_failed(request, NULL) || !request_page(request, &limit, &cursor)) {
        return STEP_DONE;
    }
    const struct db_result *result = request->result;
    int rows = db_rows(result);
    bool more = rows > limit;
    struct json_writer *writer = request_writer(request);
    json_open_object(writer);
    json_key(writer, "data");
    json_open_array(writer);
    for (int row = 0; row < (more ? (int)limit : rows); row++) {
        write_row(writer, result, row);
    }
    json_close_array(writer);
    json_text_member(writer, "nextCursor", more ? db_text(result, (int)limit - 1, cursor_column) : NULL);
    json_close_object(writer);
    return request_answer_json(request, 200);
}
