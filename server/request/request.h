/* The life of one request. It runs its steps (steps.c) in order until one waits or decides the answer. Only
 * request.c sends the answer and frees the request; all other code just decides the answer.
 *
 * Each part of the struct has one writer: request.c `progress`, await.c `outcome`, authenticate.c `auth`,
 * answer.c `answer`, input.c `inputs`, page.c `page`, password_proof.c `proof`. Any code may read them. A
 * request belongs to the thread of its loop. */
#ifndef SERVER_REQUEST_REQUEST_H
#define SERVER_REQUEST_REQUEST_H

#include "common/db.h"
#include "common/json.h"
#include "common/token.h"
#include "server/auth/body_room.h"
#include "server/auth/caller.h"
#include "server/auth/credentials.h"
#include "server/auth/gate.h"
#include "server/auth/lease_client.h"
#include "server/auth/verified.h"
#include "server/http/client_address.h"
#include "server/http/connection.h"
#include "server/loop.h"
#include "server/request/answer.h"
#include "server/request/input_values.h"
#include "server/request/outcome.h"
#include "server/request/route.h"
#include "server/request/step.h"

struct password_proof;

#define REQUEST_ID_SIZE    65
#define REQUEST_ACTOR_SIZE 192

/* The position in the steps. */
struct request_progress {
    const struct step *steps;
    size_t next;            /* the step that runs after this one */
    request_function *then; /* the continuation to run before it; else NULL */
    bool waiting;           /* a completion is outstanding */
    bool answered;          /* the answer is sent; the request is freed when nothing is outstanding */
};

/* The caller, as far as it is known yet. */
struct authentication {
    enum credentials credentials;
    int64_t session_number; /* of a session, for the rate limit; limits.c sets it */
    struct verified_key verified_key;
    char lookup_id[TOKEN_LOOKUP_LENGTH + 1];
    int64_t token_id; /* of the token whose secret is proven; 0 before */
    int64_t ended_id; /* of the token that has the look-up id and no hash any more; else 0 */
    struct gate_question question;
    enum gate_status gate_status;
    struct lease_question lease; /* of the token's rate; limits.c sets it */
    int lease_waits;             /* how often the request has waited for one */
    bool lease_failed;
    request_function *then;  /* runs when the gate, asked again, still admits the caller */
    bool is_after_end;       /* the token, whose secret is proven, has expired or was revoked */
    bool shares_usage_entry; /* counted in the token's usage entry without address and client */
    struct caller *caller;   /* NULL until it is known */
};

/* The page of a list that the client asks for. */
struct page {
    int64_t limit;  /* elements at most */
    int64_t cursor; /* id of the last row of the page before; 0: the first page */
    int64_t key;    /* its sort key, for statements that take :cursor_key */
};

struct request {
    struct loop *loop;

    /* Set when the head has arrived (steps.c). */
    struct connection *connection;
    const struct http_head *head; /* NULL once answered, and when the request was unreadable */
    const struct route *route;    /* NULL until it is found, and when no route fits */
    struct route_values path;     /* the values of the route's placeholders */
    char id[REQUEST_ID_SIZE];
    bool is_for_metrics; /* it arrived at the metrics address, which serves nothing else */
    struct client_address address;
    char address_text[CLIENT_ADDRESS_SIZE]; /* set by request_address() */
    int64_t started_us;
    struct body_hold body_hold; /* bodies.c's: the room that the body takes */
    struct json_document *body; /* parsed; NULL when the route takes none */

    struct request_progress progress;
    struct authentication auth;
    struct outcome outcome;

    struct input_values *inputs;  /* input.c's; NULL before they are read */
    struct page page;             /* page.c's */
    struct password_proof *proof; /* password_proof.c's; NULL before a password is compared */

    void *handler_data; /* the handler's own; handler_free frees it when the request ends */
    void (*handler_free)(void *data);

    struct answer answer; /* the last member: it is not cleared completely */
};

/* --- for steps.c, which handles the connection's events --- */

/* Makes a request whose first step is steps[0]. `head` is NULL when the request was unreadable. */
struct request *request_new(struct loop *loop, struct connection *connection, const struct http_head *head,
                            const struct step *steps);

/* Runs steps until one waits or decides the answer. */
void request_run(struct request *request);

/* Sends the answer that is set, even if a completion is outstanding. */
void request_finish(struct request *request);

/* Frees the request and returns NULL when it is answered and nothing is outstanding; else returns it. */
struct request *request_settle(struct request *request);

/* The name of the step that is running or waiting. */
const char *request_step_name(const struct request *request);

/* --- waiting --- */

/* Begins a wait. A completion ends it by request_complete(), on the request's thread and never before the
 * step has returned. */
enum step_result request_wait(struct request *request);
/* Ends the wait and goes on with the steps; a request that was answered meanwhile is freed instead. */
void request_complete(struct request *request);
/* Ends the wait and sends the answer that is set, instead of going on. */
void request_complete_with_answer(struct request *request);

/* Sets the continuation: it runs next (after the wait, if one begins), before the next step. */
void request_then(struct request *request, request_function *then);

/* --- for handlers --- */

/* The number at that placeholder of the route's pattern. */
int64_t request_path_number(const struct request *request, const char *placeholder);

/* Writes the actor of the request (account, token, request id, address) as a value of PostgreSQL's composite
 * type "actor", for statements that write audit events. */
void request_actor(struct request *request, char ret_actor[REQUEST_ACTOR_SIZE]);

/* The client's address, for PostgreSQL's inet; NULL for a unix socket. Lives as long as the request. */
const char *request_address(struct request *request);

#endif
