/* The steps of a request, in the order they run, and the connection events that begin requests. */
#ifndef SERVER_REQUEST_STEPS_H
#define SERVER_REQUEST_STEPS_H

#include "server/http/connection.h"

/* The argument of these events is the loop. */
extern const struct connection_events steps_events;
/* The same for connections to the metrics address. */
extern const struct connection_events steps_metrics_events;

#endif
