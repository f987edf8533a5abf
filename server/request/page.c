#include "server/request/page.h"
#include "common/text.h"
#include "server/request/await.h"
#include "server/request/input.h"
#include "server/request/row.h"
#include <string.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     200

static bool
read_number(struct request *request, const char *name, int64_t most, const char *refusal, int64_t *ret_number)
{
    char text[32];
    int found = input_parameter(request, name, text, sizeof(text));
    if (found <= 0) {
        return found == 0;
    }
    int64_t number;
    if (!text_to_id(text, strlen(text), &number) || number < 1 || number > most) {
        answer_field_error(&request->answer, name, refusal);
        answer_refuse_fields(&request->answer);
        return false;
    }
    *ret_number = number;
    return true;
}

bool
page_read(struct request *request)
{
    request->page = (struct page){ .limit = LIMIT_DEFAULT };
    return read_number(request, "limit", LIMIT_MAX, "must be a number from 1 to 200", &request->page.limit) &&
           read_number(request, "cursor", INT64_MAX, "must be the nextCursor of a page",
                       &request->page.cursor);
}

static int
cursor_column(const struct db_result *result)
{
    int column = db_column(result, "cursor");
    return column >= 0 ? column : db_column(result, "id");
}

enum step_result
page_answer(struct request *request)
{
    const struct db_result *result = request->outcome.result;
    int first = request->outcome.first_row, rows = request->outcome.row_count;
    int limit = (int)request->page.limit, cursor = cursor_column(result);
    if (rows > 0 && db_is_null(result, first, cursor)) {
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
    json_text_member(writer, "nextCursor", rows > limit ? db_text(result, first + shown - 1, cursor) : NULL);
    json_close_object(writer);
    return STEP_DONE;
}
