/* Tells the servers on one database of each other. Each beats once a second in PostgreSQL, and learns how
 * many others have beaten lately; rate_limits then shares the rates of tokens among so many. While PostgreSQL
 * does not answer, what was known last still counts.
 *
 * Belongs to the first loop. */
#ifndef SERVER_PRESENCE_H
#define SERVER_PRESENCE_H

#include "common/db.h"
#include <stdbool.h>

#define PRESENCE_WAIT_MS 1500

struct event_base;
struct lease_client;
struct presence;
struct rate_limits;

struct presence_options {
    struct event_base *base;
    struct db *db; /* its pending calls refer to the presence: free the db first */
    struct rate_limits *limits;
    struct lease_client *leases;
    void (*on_registered)(void *argument); /* once: the others know of this server */
    void *argument;
};

struct presence *presence_new(const struct presence_options *options);
/* NULL is fine. */
void presence_free(struct presence *presence);

/* Beats now, and from then on twice a second. For when the db has become usable. */
void presence_beat(struct presence *presence);

/* Ends the beats, and has the others told. presence_has_left() is true as soon as that is done, or cannot be.
 */
void presence_leave(struct presence *presence);
bool presence_has_left(const struct presence *presence);

#endif
