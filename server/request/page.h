/* One page of a list: {"data":[…],"nextCursor":"…"}. One row more than the limit is asked for, to know
 * whether there is another page. */
#ifndef SERVER_REQUEST_PAGE_H
#define SERVER_REQUEST_PAGE_H

#include "server/request/request.h"

/* Limit and cursor as parameters of the query, from ?limit= and ?cursor=. */
struct list_page {
    int64_t limit;
    int64_t after; /* the cursor; 0: from the first on, if the list ascends */
    char cursor_text[DB_NUMBER_SIZE], limit_text[DB_NUMBER_SIZE];
    struct db_value cursor, count;
};

/* False: the answer is set. */
bool list_page_read(struct request *request, struct list_page *ret_page);

/* Writes the rows of request->result, each by `write_row`; the cursor is column `cursor_column` of the last
 * one. */
enum step_result list_answer(struct request *request, int cursor_column,
                             void (*write_row)(struct json_writer *writer, const struct db_result *result,
                                               int row));

#endif
