/* /healthz and /readyz, for load balancers. */
#ifndef SERVER_RESOURCES_OPS_H
#define SERVER_RESOURCES_OPS_H

#include "server/request/step.h"

request_function ops_health; /* 200 while the process runs */
request_function ops_ready;  /* 200 when every loop is connected and PostgreSQL answers, else 503 */

#endif
