/* What one event-loop thread owns, and what all of them share. */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include "common/config.h"
#include "common/secret.h"
#include "server/client_address.h"
#include "server/connection.h"
#include "server/gate.h"
#include "server/hasher.h"
#include "server/sign_in_throttle.h"
#include "server/verified.h"

/* Made by main.c before the loops start, read-only or thread-safe afterwards. */
struct shared {
    const struct config *config;
    struct secret_cost cost; /* for new hashes */
    bool secure;             /* the public URL is https */
    char *dummy_hash;        /* what a password of an unknown address is checked against: costs the same */
    struct hasher *hasher;
    struct verified *verified;
    struct sign_in_throttle *sign_in_throttle;
    struct trusted_proxies *trusted_proxies;
};

#define LOOP_HANDLER_CONNECTIONS 4

struct loop {
    const struct shared *shared;
    struct event_base *base;
    struct connection_pool *pool;
    struct gate *gate;
    struct db *handlers[LOOP_HANDLER_CONNECTIONS]; /* for everything but the gate */
    struct hasher_mailbox *mailbox;
    struct json_writer *writer; /* for the reply that is being written */
};

#endif
