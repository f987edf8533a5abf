/* The life of one request: it runs its steps (steps.c) in their order until one waits or ends. One place
 * answers and frees (request.c); everything else only decides what the answer is to be.
 *
 * The struct is parted by who may write: request.c `progress`, await.c `outcome`, authenticate.c `auth`,
 * answer.c `answer`, input.c and page.c what they are named after; everybody may read. A request belongs to
 * the thread of its loop. */
#ifndef SERVER_REQUEST_REQUEST_H
#define SERVER_REQUEST_REQUEST_H

#include "common/db.h"
#include "common/json.h"
#include "common/token.h"
#include "server/auth/caller.h"
#include "server/auth/credentials.h"
#include "server/auth/gate.h"
#include "server/auth/verified.h"
#include "server/http/client_address.h"
#include "server/http/connection.h"
#include "server/loop.h"
#include "server/request/answer.h"
#include "server/request/input_values.h"
#include "server/request/outcome.h"
#include "server/request/route.h"
#include "server/request/step.h"

#define REQUEST_ID_SIZE    65
#define REQUEST_ACTOR_SIZE 192

/* Where it is in its steps. */
struct request_progress {
    const struct step *steps;
    size_t next;            /* the step that runs after this one */
    request_function *then; /* a continuation, which runs instead of it */
    bool waiting;           /* a completion is outstanding */
    bool answered;          /* the client has its answer; freed when nothing is outstanding */
};

/* Who makes the request, as far as that is known. */
struct authentication {
    enum credentials credentials;
    struct verified_key verified_key;
    char lookup_id[TOKEN_LOOKUP_LENGTH + 1];
    int64_t token_id; /* whose secret was proven; 0 before */
    struct gate_question question;
    enum gate_status gate_status;
    bool shares_usage_entry; /* counted with other calls of the token, whatever client they come from */
    struct caller *caller;   /* NULL before it is known */
};

/* Of a list. */
struct page {
    int64_t limit;  /* elements at most */
    int64_t cursor; /* 0: from the first on */
};

struct request {
    struct loop *loop;

    /* The arrival: set when the head is here (steps.c). */
    struct connection *connection;
    const struct http_head *head; /* NULL once answered, and for what was no readable request */
    const struct route *route;    /* NULL before it is known, and when there is none */
    struct route_values path;     /* what stands at the route's placeholders */
    char id[REQUEST_ID_SIZE];
    bool is_for_metrics; /* it came in at the address for metrics, where nothing else is served */
    struct client_address address;
    char address_text[CLIENT_ADDRESS_SIZE]; /* set by request_address() */
    int64_t started_us;
    struct json_document *body; /* parsed; NULL when the route takes none */

    struct request_progress progress;
    struct authentication auth;
    struct outcome outcome;

    struct input_values *inputs; /* input.c's; NULL before they are read */
    struct page page;            /* page.c's */

    void *handler_data; /* one allocation of the handler; freed by handler_free when the request ends */
    void (*handler_free)(void *data);

    struct answer answer; /* the last member, which is not cleared in full */
};

/* --- for steps.c, which gets them from the connection --- */

/* A request whose first step is steps[0]; `head` is NULL for what could not be read. */
struct request *request_new(struct loop *loop, struct connection *connection, const struct http_head *head,
                            const struct step *steps);

/* Runs steps until one waits or ends. */
void request_run(struct request *request);

/* Sends the answer that is set, although a completion may be outstanding. */
void request_finish(struct request *request);

/* Frees the request when it is answered and nothing of it is outstanding; NULL then. */
struct request *request_settle(struct request *request);

/* The name of the step that runs or waits. */
const char *request_step_name(const struct request *request);

/* --- waiting --- */

/* Begins a wait; request_complete() ends it, on the request's thread and never before the step has returned.
 */
enum step_result request_wait(struct request *request);
/* Goes on; or lets go of a request that has been answered meanwhile. */
void request_complete(struct request *request);
/* The same with the answer that is set, instead of going on. */
void request_complete_with_answer(struct request *request);

/* Names what runs next, after the wait if there is one, instead of the next step. */
void request_then(struct request *request, request_function *then);

/* --- what handlers ask --- */

/* The number at that placeholder of the route's pattern. */
int64_t request_path_number(const struct request *request, const char *placeholder);

/* Who acts, as PostgreSQL's composite type "actor", for statements that write audit events. */
void request_actor(struct request *request, char ret_actor[REQUEST_ACTOR_SIZE]);

/* The address for PostgreSQL's inet; NULL for a unix socket. Lives as long as the request. */
const char *request_address(struct request *request);

#endif
