#include "server/request/answer.h"
#include "common/memory.h"
#include "common/secret.h"
#include "common/text.h"
#include <stdlib.h>
#include <string.h>

void
answer_begin(struct answer *answer, struct json_writer *writer)
{
    memset(answer, 0, offsetof(struct answer, fields));
    answer->writer = writer;
}

static void
drop_body(struct answer *answer)
{
    free(answer->owned);
    answer->owned = NULL;
    answer->bytes = NULL;
    answer->length = 0;
}

void
answer_end(struct answer *answer)
{
    drop_body(answer);
    free(answer->problem);
    secret_wipe(answer->fields, answer->fields_length); /* may hold a session's cookie */
}

static enum step_result
decide(struct answer *answer, int status, enum answer_body body, const char *content_type)
{
    drop_body(answer);
    answer->status = status;
    answer->body = body;
    answer->content_type = content_type;
    return STEP_DONE;
}

/* --- refusals --- */

static void
set_problem(struct answer *answer, enum problem_code code, const char *detail)
{
    if (!answer->problem) {
        answer->problem = memory_new(1, sizeof(*answer->problem));
    }
    problem_set(answer->problem, code, detail);
}

static enum step_result
decide_on_problem(struct answer *answer)
{
    return decide(answer, problem_status(answer->problem->code), ANSWER_PROBLEM, "application/problem+json");
}

enum step_result
answer_refuse(struct answer *answer, enum problem_code code, const char *detail)
{
    set_problem(answer, code, detail);
    return decide_on_problem(answer);
}

/* `error` is for requests that sent a token; without one the challenge has no error (RFC 6750 §3). */
enum step_result
answer_challenge(struct answer *answer, enum problem_code code, const char *detail)
{
    answer_add_header(answer, "WWW-Authenticate",
                      code == PROBLEM_AUTHENTICATION_REQUIRED || code == PROBLEM_INVALID_CREDENTIALS
                          ? "Bearer realm=\"testkase\""
                          : "Bearer realm=\"testkase\", error=\"invalid_token\"");
    return answer_refuse(answer, code, detail);
}

void
answer_name_api_key(struct answer *answer, int64_t id)
{
    answer->problem->api_key_id = id;
}

void
answer_field_error(struct answer *answer, const char *field, const char *detail)
{
    if (!answer_has_errors(answer)) {
        set_problem(answer, PROBLEM_VALIDATION_FAILED, NULL);
    }
    problem_add_error(answer->problem, field, detail);
}

bool
answer_has_errors(const struct answer *answer)
{
    return answer->problem && answer->problem->error_count > 0;
}

enum step_result
answer_refuse_fields(struct answer *answer)
{
    return decide_on_problem(answer);
}

/* --- bodies --- */

enum step_result
answer_empty(struct answer *answer, int status)
{
    return decide(answer, status, ANSWER_EMPTY, NULL);
}

struct json_writer *
answer_json(struct answer *answer, int status)
{
    decide(answer, status, ANSWER_JSON, "application/json");
    json_writer_reset(answer->writer);
    return answer->writer;
}

enum step_result
answer_bytes(struct answer *answer, int status, const char *content_type, char *bytes, size_t length)
{
    answer_constant(answer, status, content_type, bytes, length);
    answer->owned = bytes;
    return STEP_DONE;
}

enum step_result
answer_constant(struct answer *answer, int status, const char *content_type, const char *bytes, size_t length)
{
    decide(answer, status, ANSWER_BYTES, content_type);
    answer->bytes = bytes;
    answer->length = length;
    return STEP_DONE;
}

enum step_result
answer_stream(struct answer *answer, const char *content_type, char *bytes, size_t length,
              void (*on_end)(void *stream), void *stream)
{
    answer_bytes(answer, 200, content_type, bytes, length);
    answer->on_stream_end = on_end;
    answer->stream = stream;
    return STEP_DONE;
}

/* --- header fields --- */

static char *
add(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

void
answer_add_header(struct answer *answer, const char *name, const char *value)
{
    size_t name_length = strlen(name), value_length = strlen(value);
    size_t length = name_length + 2 + value_length + 2;
    if (length <= sizeof(answer->fields) - answer->fields_length) {
        char *at = answer->fields + answer->fields_length;
        at = add(at, name, name_length);
        at = add(at, ": ", 2);
        at = add(at, value, value_length);
        add(at, "\r\n", 2);
        answer->fields_length += length;
    }
}

void
answer_add_headers(struct answer *answer, const char *lines, const int64_t *numbers)
{
    size_t length = answer->fields_length;
    for (; *lines; lines++) {
        if (length > sizeof(answer->fields) - TEXT_NUMBER_SIZE) {
            return; /* the answer lacks these fields rather than having a part of one */
        }
        if (*lines != '%') {
            answer->fields[length++] = *lines;
        } else {
            length += text_number(*numbers++, answer->fields + length);
        }
    }
    answer->fields_length = length;
}

/* --- sending --- */

struct connection_reply
answer_reply(struct answer *answer)
{
    struct connection_reply reply = {
        .status = answer->status,
        .fields = answer->fields,
        .fields_length = answer->fields_length,
        .content_type = answer->content_type,
        .body = answer->bytes,
        .body_length = answer->length,
        .body_is_constant = answer->body == ANSWER_BYTES && !answer->owned,
        .close = answer->closes,
        .on_stream_end = answer->on_stream_end,
        .stream = answer->stream,
    };
    if (answer->body == ANSWER_PROBLEM) {
        json_writer_reset(answer->writer);
        problem_write(answer->problem, answer->writer);
    }
    if (answer->body == ANSWER_JSON || answer->body == ANSWER_PROBLEM) {
        reply.body = json_writer_bytes(answer->writer, &reply.body_length);
    }
    return reply;
}

void
answer_sent(struct answer *answer)
{
    if (answer->body == ANSWER_JSON || answer->body == ANSWER_PROBLEM) {
        json_writer_reset(answer->writer);
    }
}
