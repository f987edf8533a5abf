/* Asks PostgreSQL for leases of tokens' rates (lease.h), and gives them back, while other servers live. All
 * that a loop asks for in one turn, and until the answer before has arrived, is one statement. Leases are
 * kept in rate_limits, where every loop spends them. */
#ifndef SERVER_AUTH_LEASE_CLIENT_H
#define SERVER_AUTH_LEASE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define LEASE_CLIENT_BATCH_MAX 256 /* tokens of one statement */

struct event_base;
struct handlers;
struct lease_client;
struct metrics;
struct rate_limits;

/* `is_answered`: PostgreSQL has answered for the token, and a lease was added if calls are left. */
typedef void lease_callback(bool is_answered, void *argument);

/* Owned by the asking code, which must keep it in place until the callback. */
struct lease_question {
    STAILQ_ENTRY(lease_question) in_list;
    int64_t token_id;
    bool is_counted; /* lease_client_ask() has counted the call already */
    lease_callback *callback;
    void *argument;
};

/* All of them outlive the client. `metrics` are the loop's. */
struct lease_client *lease_client_new(struct event_base *base, const struct handlers *handlers,
                                      struct rate_limits *limits, struct metrics *metrics);
/* Sends nothing from now on. Call it before the handlers are freed, and lease_client_free() afterwards, which
 * ends the questions that are left; NULL is fine. */
void lease_client_close(struct lease_client *client);
void lease_client_free(struct lease_client *client);

/* Asks for more of the token's rate, for `calls` requests that will need it and for later ones. */
void lease_client_ask(struct lease_client *client, int64_t token_id, int64_t calls);

/* The same for a request that waits: ends in exactly one callback, never from within this call. Set all
 * members of the question but in_list. */
void lease_client_wait(struct lease_client *client, struct lease_question *question);

/* Tells PostgreSQL what was counted before other servers lived. */
void lease_client_publish(struct lease_client *client);
bool lease_client_has_published(const struct lease_client *client);

/* For one loop of the server, once a second: gives back what is not used. */
void lease_client_second_over(struct lease_client *client);

/* At the end, for one loop: gives everything back. */
void lease_client_give_all_back(struct lease_client *client);

/* Whether nothing is to be sent and no answer awaited. */
bool lease_client_is_idle(const struct lease_client *client);

#endif
