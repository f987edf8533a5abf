#include "server/request/page.h"
#include "common/text.h"
#include "server/request/await.h"
#include "server/request/input.h"
#include "server/request/row.h"
#include <string.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     200
#define CURSOR_SIZE   64

static bool
refuse(struct request *request, const char *name, const char *refusal)
{
    answer_field_error(&request->answer, name, refusal);
    answer_refuse_fields(&request->answer);
    return false;
}

static bool
read_limit(struct request *request)
{
    char text[CURSOR_SIZE];
    int found = input_parameter(request, "limit", text, sizeof(text));
    int64_t limit;
    if (found <= 0) {
        return found == 0;
    }
    if (!text_to_id(text, strlen(text), &limit) || limit < 1 || limit > LIMIT_MAX) {
        return refuse(request, "limit", "must be a number from 1 to 200");
    }
    request->page.limit = limit;
    return true;
}

static bool
read_cursor(struct request *request, bool with_key)
{
    char text[CURSOR_SIZE];
    int found = input_parameter(request, "cursor", text, sizeof(text));
    if (found <= 0) {
        return found == 0;
    }
    struct page *page = &request->page;
    const char *id = text;
    bool is_good = true;
    if (with_key) {
        const char *dot = strchr(text, '.');
        is_good = dot && text_to_id(text, (size_t)(dot - text), &page->key);
        id = dot ? dot + 1 : text;
    }
    if (!is_good || !text_to_id(id, strlen(id), &page->cursor) || page->cursor < 1) {
        return refuse(request, "cursor", "must be the nextCursor of a page");
    }
    return true;
}

bool
page_read(struct request *request, bool with_key)
{
    request->page = (struct page){ .limit = LIMIT_DEFAULT };
    return read_limit(request) && read_cursor(request, with_key);
}

static int
cursor_column(const struct db_result *result)
{
    int column = db_column(result, "cursor");
    return column >= 0 ? column : db_column(result, "id");
}

/* Where the next page begins; NULL when there is none. */
static const char *
next_cursor(const struct db_result *result, int first, int rows, int limit)
{
    int resume = db_column(result, "resume");
    return rows > limit  ? db_text(result, first + limit - 1, cursor_column(result))
           : resume >= 0 ? db_text(result, first, resume)
                         : NULL;
}

enum step_result
page_answer(struct request *request)
{
    const struct db_result *result = request->outcome.result;
    int first = request->outcome.first_row, rows = request->outcome.row_count;
    int limit = (int)request->page.limit;
    const char *next = rows > 0 ? next_cursor(result, first, rows, limit) : NULL;
    if (rows > 0 && db_is_null(result, first, cursor_column(result))) {
        rows = 0;
    }
    int shown = rows > limit ? limit : rows;
    struct json_writer *writer = answer_json(&request->answer, 200);
    struct row_shape shape;
    row_shape_read(&shape, result);
    json_open_object(writer);
    json_key(writer, "data");
    json_open_array(writer);
    for (int row = first; row < first + shown; row++) {
        row_write(writer, &shape, row);
    }
    json_close_array(writer);
    json_text_member(writer, "nextCursor", next);
    json_close_object(writer);
    return STEP_DONE;
}
