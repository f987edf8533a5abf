#include "server/request/page.h"
#include "common/text.h"
#include <string.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     200

static bool
number_parameter(struct request *request, const char *name, int64_t most, int64_t *ret_number)
{
    char text[32];
    int found = request_parameter(request, name, text, sizeof(text));
    if (found <= 0) {
        return found == 0;
    }
    int64_t number;
    if (!text_to_id(text, strlen(text), &number) || number < 1 || number > most) {
        request_field_error(request, name,
                            most == LIMIT_MAX ? "must be a number from 1 to 200" : "must be a nextCursor");
        request_refuse_fields(request);
        return false;
    }
    *ret_number = number;
    return true;
}

/* `limit` (1 to 200, default 50) and `cursor` (a number, -1: none). False: the answer is set. */
static bool
read_page(struct request *request, int64_t *ret_limit, int64_t *ret_cursor)
{
    int64_t limit = LIMIT_DEFAULT, cursor = -1;
    if (!number_parameter(request, "limit", LIMIT_MAX, &limit) ||
        !number_parameter(request, "cursor", INT64_MAX, &cursor)) {
        return false;
    }
    *ret_limit = limit;
    *ret_cursor = cursor;
    return true;
}

bool
list_page_read(struct request *request, struct list_page *ret_page)
{
    int64_t cursor;
    if (!read_page(request, &ret_page->limit, &cursor)) {
        return false;
    }
    ret_page->after = cursor < 0 ? 0 : cursor;
    ret_page->cursor = cursor < 0 ? DB_TEXT(NULL) : db_number(ret_page->cursor_text, cursor);
    ret_page->count = db_number(ret_page->limit_text, ret_page->limit + 1);
    return true;
}

enum step_result
list_answer(struct request *request, int cursor_column,
            void (*write_row)(struct json_writer *writer, const struct db_result *result, int row))
{
    int64_t limit, cursor;
    if (request_query_failed(request, NULL) || !read_page(request, &limit, &cursor)) {
        return STEP_DONE;
    }
    const struct db_result *result = request->result;
    int rows = request->row_count;
    bool more = rows > limit;
    struct json_writer *writer = request_writer(request);
    json_open_object(writer);
    json_key(writer, "data");
    json_open_array(writer);
    for (int row = 0; row < (more ? (int)limit : rows); row++) {
        write_row(writer, result, request->first_row + row);
    }
    json_close_array(writer);
    json_text_member(writer, "nextCursor",
                     more ? db_text(result, request->first_row + (int)limit - 1, cursor_column) : NULL);
    json_close_object(writer);
    return request_answer_json(request, 200);
}
