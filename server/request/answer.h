/* The answer to one request, while it is being decided: status, header fields, and a body of one kind. It
 * knows nothing about requests. Functions that return enum step_result return STEP_DONE, so that a handler
 * can return their result; the last one called wins. */
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
    int status; /* 0 until it is decided */
    enum answer_body body;
    const char *content_type;
    const char *cache_control;  /* NULL: no-store */
    struct json_writer *writer; /* the loop's; filled and sent within one turn of the loop */
    const char *bytes;
    size_t length;
    void (*on_stream_end)(void *stream); /* of a stream; else NULL */
    void *stream;
    char *owned;             /* the same as `bytes` when it must be freed; else NULL */
    struct problem *problem; /* the refusal, or the field errors so far; else NULL */
    bool closes;             /* close the connection after the answer */
    size_t fields_length;
    char fields[ANSWER_FIELDS_SIZE]; /* the last member: its bytes are not cleared */
};

/* Clears everything but the bytes of `fields`. */
void answer_begin(struct answer *answer, struct json_writer *writer);
/* Frees the contents, not the struct. */
void answer_end(struct answer *answer);

/* Answers with a problem; without `detail` (NULL), with the code's default detail. */
enum step_result answer_refuse(struct answer *answer, enum problem_code code, const char *detail);

/* Answers 401 with a challenge (RFC 6750 §3). */
enum step_result answer_challenge(struct answer *answer, enum problem_code code, const char *detail);

/* Names the token that a refusal is about; after answer_refuse(). */
void answer_name_api_key(struct answer *answer, int64_t id);

/* Adds a field error (of the body or the query). While answer_has_errors() is true, the request must be
 * refused: answer_refuse_fields() answers 422 with all of them. */
void answer_field_error(struct answer *answer, const char *field, const char *detail);
bool answer_has_errors(const struct answer *answer);
enum step_result answer_refuse_fields(struct answer *answer);

/* Answers with a status and no body. */
enum step_result answer_empty(struct answer *answer, int status);

/* Answers with a JSON body: the caller writes it with the returned writer, then returns STEP_DONE. */
struct json_writer *answer_json(struct answer *answer, int status);

/* Answers with bytes; takes ownership of them. */
enum step_result answer_bytes(struct answer *answer, int status, const char *content_type, char *bytes,
                              size_t length);

/* Answers with bytes that live as long as the program. */
enum step_result answer_constant(struct answer *answer, int status, const char *content_type,
                                 const char *bytes, size_t length);

/* Answers with a stream that begins with these bytes, and takes ownership of them; on_end as in struct
 * connection_reply. */
enum step_result answer_stream(struct answer *answer, const char *content_type, char *bytes, size_t length,
                               void (*on_end)(void *stream), void *stream);

/* Adds a header field. The value must not contain CR or LF. */
void answer_add_header(struct answer *answer, const char *name, const char *value);
/* Adds whole header fields, each with its CRLF; each % is replaced by the next number. */
void answer_add_headers(struct answer *answer, const char *lines, const int64_t *numbers);

/* The answer in the form that the connection takes; valid until answer_sent(). */
struct connection_reply answer_reply(struct answer *answer);
/* Call it when the connection has copied the answer: clears the JSON, which may hold a token. */
void answer_sent(struct answer *answer);

#endif
