/* The inputs of a call, as a table: members of the JSON body and parameters of the query string. input_read()
 * refuses missing and invalid inputs, and members of the body that the table lacks, with one 422 that names
 * each of them. The rules are those of common/text. */
#ifndef SERVER_REQUEST_INPUT_H
#define SERVER_REQUEST_INPUT_H

#include "server/request/request.h"

enum input_kind {
    INPUT_NAME,     /* a display name, trimmed (text_name_refusal()) */
    INPUT_EMAIL,    /* text_email_refusal() */
    INPUT_TEXT,     /* any text; the handler checks it */
    INPUT_LINE,     /* the same, trimmed */
    INPUT_PASSWORD, /* the same, normalized where possible (password_normalize()) */
    INPUT_NOTE,     /* a remark of at most 200 characters, by the rules of names */
    INPUT_LINK,     /* an address on the web (text_link_refusal()) */
    INPUT_CHOICE,   /* one of `choices` */
    INPUT_INTEGER,  /* a whole number, one of `choices` if there are any */
    INPUT_BOOLEAN,  /* true or false; as a text, too */
    INPUT_WORDS,    /* an array of one or more of `choices`, each once, as the text "{one,other}" */
    INPUT_IDS,      /* an array of ids, as the text of PostgreSQL's array "{7,12}"; or one of `choices` */
    INPUT_ACTION,   /* of an audit event: <resource>.<past participle> */
    INPUT_TIME,     /* RFC 3339 in UTC (text_is_time()) */
    INPUT_PROJECT   /* PRJ-n, as the number n */
};

/* One row; the table ends with a row without a name. */
struct input {
    const char *name;
    enum input_kind kind;
    bool required;
    bool in_query;
    bool nullable;        /* null is a value of its own, and the statement takes "<name>_given", too */
    int64_t least, most;  /* bounds of a whole number; `most` 0: none */
    const char *choices;  /* separated by "|" */
    const char *fallback; /* the value when the input is absent; NULL: SQL's null */
};

/* Reads all inputs of the table. False when at least one is refused; the answer is set then. A refused input
 * counts as absent, so a handler may go on, make checks of its own, add their field errors, and return
 * answer_refuse_fields(). */
bool input_read(struct request *request, const struct input *inputs);

/* The value of an input. Texts are NUL-terminated and live as long as the request; NULL when the input is
 * absent and has no fallback. */
const char *input_text(const struct request *request, const char *name);
size_t input_length(const struct request *request, const char *name);
int64_t input_integer(const struct request *request, const char *name);

/* The same as a parameter of a statement. False when no input gives it. */
bool input_value(const struct request *request, const char *name, struct db_value *ret_value);

/* Whether the input gives the parameter `name` of a statement: its own name, or, when it is nullable,
 * "<its name>_given", which is true when the client has sent it, be it as null. */
bool input_gives(const struct input *input, const char *name);

/* Reads one parameter of the query string. Returns 1 and the value, 0 when it is absent, or -1 when it is
 * refused; the answer is set then. */
int input_parameter(struct request *request, const char *name, char *ret_value, size_t size);

#endif
