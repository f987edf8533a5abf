/* A row of a result as a JSON object. The statement's select list defines the object: each column is a member
 * of the same name, written by its type: integers as numbers, booleans as true or false, json unchanged,
 * everything else as a string, SQL's null as null. The columns "outcome", "cursor", "resume", "batch" and
 * "in_the_way" are for the server and are not written. */
#ifndef SERVER_REQUEST_ROW_H
#define SERVER_REQUEST_ROW_H

#include "common/db.h"
#include "common/json.h"

#define ROW_COLUMNS_MAX 32

/* The members that the rows of one result have. Valid as long as the result. */
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

/* The members without the braces, so that the caller can add others. */
void row_write_members(struct json_writer *writer, const struct row_shape *shape, int row);

#endif
