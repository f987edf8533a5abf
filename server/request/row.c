#include "server/request/row.h"
#include <assert.h>
#include <string.h>

static bool
is_for_server(const char *name)
{
    return strcmp(name, "outcome") == 0 || strcmp(name, "cursor") == 0 || strcmp(name, "batch") == 0 ||
           strcmp(name, "in_the_way") == 0 || strcmp(name, "resume") == 0;
}

void
row_shape_read(struct row_shape *shape, const struct db_result *result)
{
    int columns = db_columns(result);
    shape->result = result;
    shape->count = 0;
    for (int column = 0; column < columns; column++) {
        const char *name = db_column_name(result, column);
        if (!is_for_server(name)) {
            assert(shape->count < ROW_COLUMNS_MAX);
            shape->members[shape->count].column = column;
            shape->members[shape->count].name = name;
            shape->members[shape->count].type = db_column_type(result, column);
            shape->count++;
        }
    }
}

static void
write_value(struct json_writer *writer, enum db_type type, const char *text)
{
    switch (text ? type : DB_TYPE_TEXT) {
    case DB_TYPE_INTEGER:
    case DB_TYPE_JSON:
        json_put_raw(writer, text, strlen(text));
        break;
    case DB_TYPE_BOOLEAN:
        json_put_boolean(writer, *text == 't');
        break;
    case DB_TYPE_TEXT:
        json_put_text(writer, text);
        break;
    }
}

void
row_write_members(struct json_writer *writer, const struct row_shape *shape, int row)
{
    for (int i = 0; i < shape->count; i++) {
        json_key(writer, shape->members[i].name);
        write_value(writer, shape->members[i].type, db_text(shape->result, row, shape->members[i].column));
    }
}

void
row_write(struct json_writer *writer, const struct row_shape *shape, int row)
{
    json_open_object(writer);
    row_write_members(writer, shape, row);
    json_close_object(writer);
}
