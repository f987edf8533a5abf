/* The event loops of the server: one a thread, each with its own connections to clients and to PostgreSQL,
 * and what all of them share. */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include "common/config.h"
#include "common/json.h"
#include "common/secret.h"
#include "server/auth/gate.h"
#include "server/auth/guess_throttle.h"
#include "server/auth/hasher.h"
#include "server/auth/verified.h"
#include "server/http/connection.h"
#include "server/http/listener.h"
#include "server/http/trusted_proxies.h"
#include "server/metrics.h"
#include <pthread.h>
#include <stdatomic.h>

#define LOOP_HANDLER_CONNECTIONS 4
#define LOOP_READERS             2 /* the first of them; the others are for what writes */

struct batched_read;
struct loop;
struct rate_limits;
struct usage;

/* Made before the loops start; read-only or thread-safe afterwards. */
struct shared {
    const struct config *config;
    struct secret_cost cost;           /* for new hashes */
    bool secure;                       /* the public URL is https */
    char dummy_hash[SECRET_HASH_SIZE]; /* what a password of an unknown address is checked against: costs the
                                          same */
    struct listener_sockets *sockets;
    char *address;                            /* where they listen, for the log */
    struct listener_sockets *metrics_sockets; /* NULL: /metrics is served to this machine only */
    struct hasher *hasher;
    struct verified *verified;
    struct rate_limits *rate_limits;
    struct guess_throttle *guess_throttle;
    struct trusted_proxies *trusted_proxies;
    struct loop *loops;   /* config->threads of them */
    int connections;      /* to PostgreSQL, of all loops together */
    atomic_int connected; /* how often one became usable; the program is ready when all have */
    atomic_int serving;   /* loops that can ask PostgreSQL now */
    atomic_bool ready;
    atomic_bool failed; /* the program must end with a failure */
};

struct loop {
    struct shared *shared;
    int index;
    pthread_t thread;
    struct event_base *base;
    struct connection_pool *pool;
    struct listener *listener;
    struct connection_pool *metrics_pool; /* of the first loop, when metrics have their own address */
    struct listener *metrics_listener;
    struct gate *gate;
    struct db *handlers[LOOP_HANDLER_CONNECTIONS]; /* for everything but the gate */
    struct batched_read *member_projects;
    struct batched_read *admin_projects;
    struct usage *usage;
    struct hasher_mailbox *mailbox;
    struct metrics metrics;
    int connected;              /* of its connections to PostgreSQL, how often one became usable */
    bool is_serving;            /* has one for the gate and one for handlers */
    char id_prefix[13];         /* of request ids: random, so that no two loops' ids meet */
    uint64_t requests;          /* begun, for the rest of the id */
    struct json_writer *writer; /* for the reply that is being written */
    int stop_descriptor;        /* an eventfd: readable when the loop is to end */
    struct event *sampling;     /* once a second, for metrics */
    struct event *stopping;
    struct event *draining;
    int64_t stopping_since_ms;
    int64_t outage_logged_ms; /* when the log last told that PostgreSQL is away; 0: it is not */
};

/* Makes the loop; it runs from loop_run() on, on the calling thread, until it is stopped and its last answer
 * is out, at most 10 s later. */
void loop_init(struct loop *loop, struct shared *shared, int index);
void loop_run(struct loop *loop);
void loop_clear(struct loop *loop);

/* Handler connections, the best for the next query now: one that only reads, one that may write. */
struct db *loop_reader(const struct loop *loop);
struct db *loop_writer(const struct loop *loop);

/* Whether every loop can ask PostgreSQL, so that no request is refused for want of a connection; from any
 * thread. */
bool loop_all_serving(const struct shared *shared);

/* Asks every loop to end; from any thread. */
void loop_stop_all(const struct shared *shared);

#endif
