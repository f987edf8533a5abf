/* An ordinary call of the API, described by a struct instead of code: its inputs, its one statement, the
 * meaning of the statement's outcomes, and the kind of answer. endpoint_handle() runs it; a handler that does
 * more calls the parts below itself.
 *
 * The parameters of a statement are bound by name:
 *   organization, caller  ids of the caller's organization and account
 *   token, session        id of the credential presented; null for the other one
 *   actor                 composite value for audit events: account, token, request id, address
 *   limit, cursor         of the page; cursor_key with a sort key of its rows (page.h)
 *   least_role            the role that the route requires in the project
 *   any other name        a constant of the endpoint, a placeholder of the route, or an input; <name>_given
 *                         says whether the nullable input <name> was sent */
#ifndef SERVER_REQUEST_ENDPOINT_H
#define SERVER_REQUEST_ENDPOINT_H

#include "server/request/input.h"

enum endpoint_answer {
    ENDPOINT_PAGE,    /* 200 and the rows as a page; no row: an empty page */
    ENDPOINT_SUBPAGE, /* the page of a list that belongs to a parent; no row: 404, no parent (page_answer())
                       */
    ENDPOINT_ROW,     /* 200 and the row; no row: 404 */
    ENDPOINT_CREATED, /* 201 and the row; no row: 404 */
    ENDPOINT_EMPTY    /* 204; no row: 404 */
};

/* Maps one value of the column "outcome", or the name of a violated constraint, to a problem. A table of them
 * ends with a row without an outcome. Of the outcomes that the table lacks, "not_found" is refused with 404
 * and "forbidden" with 403; all others count as success. */
struct refusal {
    const char *outcome;
    enum problem_code code;
    const char *field;  /* the input at fault, with PROBLEM_VALIDATION_FAILED; else NULL */
    const char *detail; /* NULL: the code's default */
};

struct endpoint {
    enum query query;
    enum endpoint_answer answer;
    const struct input *inputs;       /* NULL: none */
    const struct refusal *refusals;   /* NULL: none */
    const struct db_named *constants; /* parameters that are the same for every call; NULL: none */
};

enum step_result endpoint_handle(struct request *request);

/* "page", "subpage", "row", "created" or "empty". */
const char *endpoint_answer_name(enum endpoint_answer answer);

/* --- the parts --- */

/* Binds the statement's parameters by name and sends it. `values` (NULL: none) are the handler's own and take
 * precedence. The wait ends as with await_query(). */
enum step_result endpoint_query(struct request *request, enum query query, const struct db_named *values);

/* After the statement: true when it failed, or its outcome or violated constraint is a refusal; the answer is
 * set then. With `needs_row`, a result without rows is refused with 404. */
bool endpoint_refused(struct request *request, const struct refusal *refusals, bool needs_row);

/* Answers with the first row of the result, which must have one. */
enum step_result endpoint_answer_row(struct request *request, int status);

/* The name of a parameter of the route's statement that endpoint_query() could not bind; NULL when it can
 * bind all of them. For the tests. */
const char *endpoint_unbound(const struct route *route);

#endif
