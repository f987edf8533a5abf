/* One page of a list: {"data":[…],"nextCursor":"…"}, by ?limit= and ?cursor=. A statement is asked for one
 * row more than the limit; if it comes, there is another page. */
#ifndef SERVER_REQUEST_PAGE_H
#define SERVER_REQUEST_PAGE_H

#include "server/request/request.h"

/* Reads the two parameters into request->page: limit 1 to 200, by default 50; cursor 0 when absent. A cursor
 * is the id of the last row; `with_key`, the row's sort key stands before it: "1795774212000000.17". False
 * when one is refused; the answer is set then. */
bool page_read(struct request *request, bool with_key);

/* Answers with the rows of request->outcome, each as row_write() writes it. The cursor is the column
 * "cursor", or else "id". A single row whose cursor is null means that the list is empty (but its parent
 * exists). When the rows end and the column "resume" is there and not null, the statement has not looked at
 * the whole list, and the next page begins there. */
enum step_result page_answer(struct request *request);

#endif
