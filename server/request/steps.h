/* The steps of a request, in the order in which they run, and the connection's events that begin it. */
#ifndef SERVER_REQUEST_STEPS_H
#define SERVER_REQUEST_STEPS_H

#include "server/http/connection.h"

/* Their argument is the loop. */
extern const struct connection_events steps_events;
/* For connections to the address for metrics. */
extern const struct connection_events steps_metrics_events;

#endif
