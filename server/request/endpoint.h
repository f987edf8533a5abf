/* An ordinary call of the API, described instead of programmed: the inputs it takes, the one statement that
 * it is, what its outcomes mean and what is answered. endpoint_handle() does all of it; a handler with more
 * to do calls the parts by itself.
 *
 * A statement's parameters are bound by name: `organization` and `caller` (user id) of the caller, `token`
 * and `session` it came by (null for the other), `actor` (who acts, for audit events), `limit` and `cursor`
 * of the page, `least_role` that the route asks for in the project, the names of the route's placeholders,
 * and the names of the inputs. */
#ifndef SERVER_REQUEST_ENDPOINT_H
#define SERVER_REQUEST_ENDPOINT_H

#include "server/request/input.h"

enum endpoint_answer {
    ENDPOINT_PAGE,    /* 200 and the rows as a page */
    ENDPOINT_SUBPAGE, /* the same of a list that belongs to something: 404 without a row; see page_answer() */
    ENDPOINT_ROW,     /* 200 and the row; 404 without one, as below */
    ENDPOINT_CREATED, /* 201 and the row */
    ENDPOINT_EMPTY    /* 204 */
};

/* What a value of the column "outcome", or the constraint that was violated, means; the table ends with a row
 * without an outcome. Outcomes that are in no table: "not_found" is 404, "forbidden" 403, all others are not
 * refused. */
struct refusal {
    const char *outcome;
    enum problem_code code;
    const char *field;  /* of the input at fault, with PROBLEM_VALIDATION_FAILED; else NULL */
    const char *detail; /* NULL: the code's usual one */
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

/* Sends the statement with its parameters bound by name, first from `values` (NULL: none), which are the
 * handler's own; the wait ends as with await_query(). */
enum step_result endpoint_query(struct request *request, enum query query, const struct db_named *values);

/* After the statement: true when it failed or refused, and the answer is set. `needs_row`: no row is 404. */
bool endpoint_refused(struct request *request, const struct refusal *refusals, bool needs_row);

/* Answers with the first row, which is there. */
enum step_result endpoint_answer_row(struct request *request, int status);

/* Whether endpoint_query() can bind every parameter of the route's statement; if not, the name of one. For
 * the tests and --routes. */
const char *endpoint_unbound(const struct route *route);

#endif
