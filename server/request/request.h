/* The life of one request: the steps of request.c, in their order. A step returns what goes on: the next one,
 * a wait for a completion, or the end. One place answers and frees (request.c); everything else only says
 * what the answer is to be.
 *
 * A request belongs to the thread of its loop. */
#ifndef SERVER_REQUEST_REQUEST_H
#define SERVER_REQUEST_REQUEST_H

#include "common/db.h"
#include "common/json.h"
#include "common/problem.h"
#include "common/token.h"
#include "server/auth/caller.h"
#include "server/auth/credentials.h"
#include "server/auth/hasher.h"
#include "server/auth/verified.h"
#include "server/http/connection.h"
#include "server/loop.h"

#define REQUEST_ID_SIZE     65
#define REQUEST_FIELDS_SIZE 1024

struct request;

enum step_result {
    STEP_NEXT,
    STEP_WAIT, /* a completion will call request_complete() */
    STEP_DONE, /* the answer is set */
};

typedef enum step_result request_function(struct request *request);

struct request {
    struct loop *loop;
    struct connection *connection;
    const struct http_head *head; /* NULL once answered, and for what was no readable request */
    const struct route *route;
    int64_t path_id; /* the number at {id} in the path */
    char id[REQUEST_ID_SIZE];
    bool is_for_metrics; /* it came in at the address for metrics, where nothing else is served */
    struct client_address address;
    char address_text[CLIENT_ADDRESS_SIZE]; /* set by request_address() */
    int64_t started_us;

    size_t step;                /* which of steps[] runs or waits */
    request_function *then;     /* a handler's continuation, instead of the next step */
    bool waiting;               /* a completion is outstanding */
    bool answered;              /* the client has its answer; freed when nothing is outstanding */
    struct db_result *result;   /* of the query that was waited for */
    int first_row, row_count;   /* those of the result that are this request's */
    enum query query;           /* which one it was */
    struct hasher_result *hash; /* of the argon2 work that was waited for */

    enum credentials credentials;
    struct verified_key verified_key;
    char lookup_id[TOKEN_LOOKUP_LENGTH + 1];
    int64_t token_id; /* whose secret was proven; 0 before */
    enum guess_kind guess_kind;
    const char *guess_target; /* of a guess that is charged and not ended; else NULL */
    struct gate_question question;
    enum gate_status gate_status;
    struct caller *caller; /* NULL before it is known */

    struct json_document *body;
    void *handler_data; /* one allocation of the handler; freed by handler_free when the request ends */
    void (*handler_free)(void *data);

    int status;       /* of the answer; 0 while there is none */
    char *body_bytes; /* of an answer that is not JSON; freed with the request */
    size_t body_length;
    bool closes;
    const char *content_type;
    struct problem problem;
    char fields[REQUEST_FIELDS_SIZE]; /* more field lines of the answer */
    size_t fields_length;
};

/* --- the connection's events --- */

extern const struct connection_events request_events;
/* For connections to the address for metrics. */
extern const struct connection_events request_metrics_events;

/* --- for steps and handlers: what the answer is --- */

/* Ends with a problem; NULL `detail` takes the code's usual one. */
enum step_result request_refuse(struct request *request, enum problem_code code, const char *detail);

/* Ends with a 401 and its challenge. */
enum step_result request_challenge(struct request *request, enum problem_code code, const char *detail);

/* Notes a field at fault; request_has_errors() then ends with 422. */
void request_field_error(struct request *request, const char *field, const char *detail);
bool request_has_errors(const struct request *request);
enum step_result request_refuse_fields(struct request *request);
/* Ends a request that is of no route with 404 or, when its path takes other methods, 405. */
request_function request_refuse_unrouted;

/* Ends with a status and no body. */
enum step_result request_answer_empty(struct request *request, int status);

/* Begins a JSON answer: write the document with the writer, then return request_answer_json(). */
struct json_writer *request_writer(struct request *request);
enum step_result request_answer_json(struct request *request, int status);

/* Ends with bytes that are not JSON; takes them over. */
enum step_result request_answer_bytes(struct request *request, int status, const char *content_type,
                                      char *bytes, size_t length);

/* Adds a field line; the value is of our own making, without CR and LF. */
void request_add_field(struct request *request, const char *name, const char *value);
/* Adds field lines, each with its CRLF; every % in them is the next number. */
void request_add_lines(struct request *request, const char *lines, const int64_t *numbers);

/* --- for steps and handlers: waiting --- */

/* Begins a wait; request_complete() ends it, on the request's thread and never before the step has returned.
 */
enum step_result request_wait(struct request *request);
/* Goes on; or lets go of a request that has been answered meanwhile. */
void request_complete(struct request *request);

/* Names what runs after the wait, instead of the next step. */
void request_then(struct request *request, request_function *then);

/* Sends a query on a handler connection; the result is in request->result afterwards. */
enum step_result request_query(struct request *request, enum query query, const struct db_value *values);

/* The same for a read that is batched with others of its kind: request->first_row and row_count tell which
 * rows are the answer. */
enum step_result request_batched_query(struct request *request, struct batched_read *read,
                                       const int64_t *numbers);

/* After a query: true when it failed for a reason that is not the client's; the answer is set, 503 or
 * 500. A violated constraint of the name `expected` (NULL: none) is not such a reason. */
bool request_query_failed(struct request *request, const char *expected_constraint);

/* guess_throttle_begin() and its end, for the request's address; `target` lives as long as the request. A
 * guess that is open when the request ends was wrong if argon2 has said so. */
int64_t request_begin_guess(struct request *request, enum guess_kind kind, const char *target);
void request_end_guess(struct request *request, bool was_wrong);

/* Argon2 work on a hasher thread; the result is in request->hash afterwards. Refused with 503 when the queue
 * is full. */
enum step_result request_verify(struct request *request, enum hasher_share share, const unsigned char *key,
                                const char *encoded, const char *secret, size_t length);
enum step_result request_hash(struct request *request, enum hasher_share share, const char *secret,
                              size_t length);

/* --- for handlers: parameters --- */

/* The value of a query parameter: 1 and the value, 0 absent, -1 refused (the answer is set). */
int request_parameter(struct request *request, const char *name, char *ret_value, size_t size);

/* The five values that say who acts, for the queries that write audit events: kind, user, token, request id,
 * address. The buffers live in `ret_actor`. */
struct request_actor {
    char user[DB_NUMBER_SIZE], token[DB_NUMBER_SIZE];
    struct db_value values[5];
};
void request_actor(struct request *request, struct request_actor *ret_actor);

/* The address for PostgreSQL's inet; NULL for a unix socket. Lives as long as the request. */
const char *request_address(struct request *request);

#endif
