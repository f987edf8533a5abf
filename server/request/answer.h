/* The answer of one request, while it is being decided: status, header fields, and a body of one kind. It
 * knows nothing of requests. Functions that return enum step_result return STEP_DONE, so that a handler can
 * end with them; the last one called wins. */
#ifndef SERVER_REQUEST_ANSWER_H
#define SERVER_REQUEST_ANSWER_H

#include "common/json.h"
#include "common/problem.h"
#include "server/http/connection.h"
#include "server/request/step.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWER_FIELDS_SIZE 1024

enum answer_body {
    ANSWER_EMPTY,
    ANSWER_JSON,    /* what the writer holds */
    ANSWER_PROBLEM, /* application/problem+json, written when the answer is sent */
    ANSWER_BYTES
};

struct answer {
    int status; /* 0 while nothing is decided */
    enum answer_body body;
    const char *content_type;
    const char *cache_control;  /* NULL: no-store */
    struct json_writer *writer; /* the loop's; it is filled and sent within one turn of the loop */
    const char *bytes;
    size_t length;
    char *owned;             /* what `bytes` points to, when it is to be freed */
    struct problem *problem; /* of a refusal, or fields at fault so far; else NULL */
    bool closes;             /* the connection closes afterwards */
    size_t fields_length;
    char fields[ANSWER_FIELDS_SIZE]; /* the last member: its bytes are not cleared */
};

/* Sets everything but the bytes of `fields`. */
void answer_begin(struct answer *answer, struct json_writer *writer);
/* Frees what the answer holds, not the struct. */
void answer_end(struct answer *answer);

/* Ends with a problem; NULL `detail` takes the code's usual one. */
enum step_result answer_refuse(struct answer *answer, enum problem_code code, const char *detail);

/* Ends with a 401 and its challenge (RFC 6750 §3). */
enum step_result answer_challenge(struct answer *answer, enum problem_code code, const char *detail);

/* Notes a field at fault (of the body or the query); answer_has_errors() then says that the request is to be
 * refused, by answer_refuse_fields() with 422. */
void answer_field_error(struct answer *answer, const char *field, const char *detail);
bool answer_has_errors(const struct answer *answer);
enum step_result answer_refuse_fields(struct answer *answer);

/* Ends with a status and no body. */
enum step_result answer_empty(struct answer *answer, int status);

/* Decides on a JSON body, which the caller now writes with the writer that it returns, and then ends with
 * STEP_DONE. */
struct json_writer *answer_json(struct answer *answer, int status);

/* Ends with bytes that are not JSON; takes them over. */
enum step_result answer_bytes(struct answer *answer, int status, const char *content_type, char *bytes,
                              size_t length);

/* Ends with bytes that live as long as the program. */
enum step_result answer_constant(struct answer *answer, int status, const char *content_type,
                                 const char *bytes, size_t length);

/* Adds a header field; the value is of our own making, without CR and LF. */
void answer_add_header(struct answer *answer, const char *name, const char *value);
/* Adds whole header fields, each with its CRLF; every % in them is the next number. */
void answer_add_headers(struct answer *answer, const char *lines, const int64_t *numbers);

/* The answer as the connection takes it, valid until answer_sent(). */
struct connection_reply answer_reply(struct answer *answer);
/* The connection has copied it: forgets the JSON, which may hold a token. */
void answer_sent(struct answer *answer);

#endif
