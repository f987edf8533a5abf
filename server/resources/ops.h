/* /healthz and /readyz: what a load balancer asks. */
#ifndef SERVER_RESOURCES_OPS_H
#define SERVER_RESOURCES_OPS_H

#include "server/request/step.h"

request_function ops_health; /* the process lives */
request_function ops_ready;  /* and PostgreSQL answers; 503 otherwise */

#endif
