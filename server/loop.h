/* The event loops of the server: one per thread, each with its own connections to clients and PostgreSQL. */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include "common/memory.h"
#include "common/retry.h"
#include "server/metrics.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Connections to PostgreSQL of each loop: the gate's and the handlers'. */
#define LOOP_DATABASE_CONNECTIONS 7

struct background_mailbox;
struct body_room;
struct connection_pool;
struct event;
struct event_base;
struct gate;
struct handlers;
struct hasher_mailbox;
struct json_writer;
struct lease_client;
struct listener;
struct presence;
struct reader;
struct server;
struct streams;
struct usage;

struct loop {
    struct server *server;
    int index;
    pthread_t thread;
    struct event_base *base;
    struct connection_pool *pool;
    struct listener *listener;
    struct connection_pool *metrics_pool; /* first loop only, when metrics have their own address */
    struct listener *metrics_listener;
    struct body_room *bodies;
    struct gate *gate;
    struct handlers *handlers;
    struct usage *usage;
    struct lease_client *leases;
    struct presence *presence; /* first loop only */
    struct streams *streams;
    struct reader *reader; /* first loop only; of news for streams */
    struct hasher_mailbox *mailbox;
    struct background_mailbox *background;
    struct metrics metrics;
    int connected;              /* how often a connection to PostgreSQL became usable */
    bool is_serving;            /* usable connections: at least one of the gate and one of the handlers */
    char id_prefix[13];         /* of request ids; random, so that ids of two loops never collide */
    uint64_t requests;          /* begun so far; the rest of the request id */
    struct json_writer *writer; /* for the answer that is being written */
    int stop_descriptor;        /* an eventfd: readable when the loop is to end */
    struct event *sampling;     /* once a second, for metrics */
    struct memory_watch memory; /* first loop only */
    struct event *stopping;
    struct event *draining;
    struct event *patience; /* until clients are accepted */
    int64_t began_ms;
    int64_t stopping_since_ms;
    bool is_leaving;              /* first loop only: the other servers are being told */
    struct retry_log outage_log;  /* limits the log while PostgreSQL is down; zeroed when it answers again */
    struct retry_log history_log; /* the same, while an old primary answers */
};

/* loop_init() makes the loop. loop_run() runs it on the calling thread; it returns when the loop has been
 * stopped and its last answer is sent, at most 10 s after the stop. */
void loop_init(struct loop *loop, struct server *server, int index);
void loop_run(struct loop *loop);
void loop_clear(struct loop *loop);

/* Whether every loop has usable connections to PostgreSQL; callable from any thread. */
bool loop_all_serving(const struct server *server);

/* Asks every loop to end; callable from any thread. */
void loop_stop_all(struct server *server);

#endif
