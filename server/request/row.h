/* A row of a result as a JSON object. The statement's select list is the shape: a column's name is the
 * member's name, and its type says how it is written: whole numbers as numbers, booleans as true and false,
 * json as it is, everything else as text; SQL's null as null. The columns "outcome", "cursor" and "batch" are
 * for the server and not written. */
#ifndef SERVER_REQUEST_ROW_H
#define SERVER_REQUEST_ROW_H

#include "common/db.h"
#include "common/json.h"

#define ROW_COLUMNS_MAX 32

/* Of one result, for all of its rows; as long as the result. */
struct row_shape {
    const struct db_result *result;
    int count;
    struct {
        int column;
        const char *name;
        enum db_type type;
    } members[ROW_COLUMNS_MAX];
};

void row_shape_read(struct row_shape *shape, const struct db_result *result);

/* The whole object. */
void row_write(struct json_writer *writer, const struct row_shape *shape, int row);

/* Its members without the braces, for who adds others. */
void row_write_members(struct json_writer *writer, const struct row_shape *shape, int row);

#endif
