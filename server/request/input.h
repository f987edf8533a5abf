/* What a call takes from its client, as a table: members of the JSON body and parameters of the query. What
 * is missing, wrong or not in the table is refused with 422, which names each such field. The rules
 * themselves are those of common/text. */
#ifndef SERVER_REQUEST_INPUT_H
#define SERVER_REQUEST_INPUT_H

#include "server/request/request.h"

enum input_kind {
    INPUT_NAME,    /* a display name, trimmed (text_name_refusal()) */
    INPUT_EMAIL,   /* text_email_refusal() */
    INPUT_TEXT,    /* any text; the handler checks it */
    INPUT_CHOICE,  /* one of `choices` */
    INPUT_INTEGER, /* a whole number, one of `choices` if there are any */
    INPUT_TIME,    /* RFC 3339 in UTC (text_is_time()) */
    INPUT_PROJECT  /* PRJ-n, as the number n */
};

/* One row; the table ends with a row without a name. */
struct input {
    const char *name;
    enum input_kind kind;
    bool required;
    bool in_query;
    const char *choices;  /* divided by "|" */
    const char *fallback; /* what an absent text counts as; NULL: SQL's null */
};

/* Reads all of the table's inputs. False: at least one is refused, and the answer says so. A refused input
 * counts as absent, so a handler may go on to check what it knows more about, add refusals of its own, and
 * end with answer_refuse_fields(). */
bool input_read(struct request *request, const struct input *inputs);

/* What was read. Texts are NUL-ended and live as long as the request; NULL when absent without a fallback. */
const char *input_text(const struct request *request, const char *name);
size_t input_length(const struct request *request, const char *name);
int64_t input_integer(const struct request *request, const char *name);

/* The same as a parameter of a statement; false when there is no input of that name. */
bool input_value(const struct request *request, const char *name, struct db_value *ret_value);

/* The value of one query parameter: 1 and the value, 0 when it is absent, -1 when it is refused (the answer
 * is set). */
int input_parameter(struct request *request, const char *name, char *ret_value, size_t size);

#endif
