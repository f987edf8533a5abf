/* One page of a list: {"data":[…],"nextCursor":"…"}, by ?limit= and ?cursor=. One row more than the limit is
 * asked for, to know whether there is another page. */
#ifndef SERVER_REQUEST_PAGE_H
#define SERVER_REQUEST_PAGE_H

#include "server/request/request.h"

/* Reads the two parameters into request->page: limit 1 to 200, 50 when absent; cursor 0 when absent. False:
 * they are refused, and the answer is set. */
bool page_read(struct request *request);

/* Answers with the rows of request->outcome, each as row_write() writes it. The cursor is the column of that
 * name, or else "id". A row whose cursor is null stands for a list without elements. */
enum step_result page_answer(struct request *request);

#endif
