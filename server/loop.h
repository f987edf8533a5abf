/* The event loops of the server: one a thread, each with its own connections to clients and to PostgreSQL. */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include "common/retry.h"
#include "server/metrics.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* To PostgreSQL, of each loop: the gate's and the handlers'. */
#define LOOP_DATABASE_CONNECTIONS 6

struct connection_pool;
struct event;
struct event_base;
struct gate;
struct handlers;
struct hasher_mailbox;
struct json_writer;
struct listener;
struct server;
struct usage;

struct loop {
    struct server *server;
    int index;
    pthread_t thread;
    struct event_base *base;
    struct connection_pool *pool;
    struct listener *listener;
    struct connection_pool *metrics_pool; /* of the first loop, when metrics have their own address */
    struct listener *metrics_listener;
    struct gate *gate;
    struct handlers *handlers;
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
    struct retry_log outage_log; /* of PostgreSQL being away; zeroed when it answers again */
};

/* Makes the loop; it runs from loop_run() on, on the calling thread, until it is stopped and its last answer
 * is out, at most 10 s later. */
void loop_init(struct loop *loop, struct server *server, int index);
void loop_run(struct loop *loop);
void loop_clear(struct loop *loop);

/* Whether every loop can ask PostgreSQL, so that no request is refused for want of a connection; from any
 * thread. */
bool loop_all_serving(const struct server *server);

/* Asks every loop to end; from any thread. */
void loop_stop_all(const struct server *server);

#endif
