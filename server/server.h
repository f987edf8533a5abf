/* State that all loops of testkase-server share. It is made before they start; afterwards every part is
 * read-only or thread-safe. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "common/config.h"
#include "common/db_history.h"
#include "common/retry.h"
#include "common/secret.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct address_log;
struct background;
struct connection_events;
struct guess_throttle;
struct hasher;
struct hub;
struct listener_sockets;
struct loop;
struct predecessor;
struct rate_limits;
struct rendezvous;
struct route;
struct route_table;
struct successors;
struct trusted_proxies;
struct verified;

/* Chosen by main; everything here outlives the server. */
struct server_options {
    const struct config *config;
    const struct route_table *routes;                   /* the API */
    const struct route *missing;                        /* handles paths that no route has; see below */
    const struct connection_events *events;             /* they begin requests; their argument is the loop */
    const struct connection_events *metrics_events;     /* the same for the metrics address */
    int hashers;                                        /* threads that run argon2 */
    size_t token_queue, password_queue, creation_queue; /* secrets that may wait for argon2 */
    struct rendezvous *rendezvous; /* with the server before this one and the next one; NULL: there is none */
};

struct server {
    const struct config *config;
    const struct route_table *routes;
    const struct route *missing; /* its handler may answer for a path that no route has; STEP_NEXT leaves it
                                    to others, and so does NULL here */
    const struct connection_events *events, *metrics_events;
    struct secret_cost cost;           /* for new hashes */
    bool secure;                       /* the public URL is https */
    bool is_secure_context;            /* browsers trust it: https, or http on this machine */
    char dummy_hash[SECRET_HASH_SIZE]; /* verified when the address is unknown, at the cost of some account's
                                          hash, so that both cases take the same time */
    struct listener_sockets *sockets;
    struct listener_sockets *metrics_sockets; /* NULL: /metrics is served to this machine only */
    struct rendezvous *rendezvous;            /* NULL: this server takes over from none, and none from it */
    struct predecessor *predecessor;          /* NULL: it has bound the sockets itself */
    struct successors *successors;            /* succession.c's */
    struct hasher *hasher;
    struct background *background;
    struct hub *hub; /* of streams of events */
    struct verified *verified;
    struct rate_limits *rate_limits;
    struct guess_throttle *guess_throttle;
    struct address_log *failed_sign_ins;    /* limits their log */
    struct retry_shared_log public_url_log; /* public_url.c's */
    struct trusted_proxies *trusted_proxies;
    struct db_history history; /* of PostgreSQL */
    struct loop *loops;        /* config->threads of them; main makes them */
    int connections;           /* to PostgreSQL, of all loops together */
    atomic_int connected;      /* how often one became usable, and whether the others know of this server; the
                                  program is ready when all are, and they do */
    atomic_int serving;        /* loops that have usable connections now */
    atomic_bool registered;    /* the other servers know of this one */
    atomic_bool ready;
    atomic_bool failed;   /* the program must end with a failure */
    atomic_bool stopping; /* whatever happened before the stop is seen by each loop that stops */
};

/* Binds the sockets, or takes them over from a server that runs already, and makes everything but the loops.
 * Returns 0, or -1 after logging that an address cannot be bound or argon2 does not work at the configured
 * costs. Call server_close() in both cases. */
int server_open(struct server *server, const struct server_options *options);
/* Gives the unix sockets the configured mode and group. Returns 0, or -1 after logging why not. */
int server_permit_sockets(const struct server *server);
/* Call these after the loops are cleared. The first leaves what is known of tokens to the next process, if a
 * supervisor keeps it. */
void server_hand_over(struct server *server);
void server_close(struct server *server);

#endif
