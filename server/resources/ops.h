/* /healthz and /readyz: what a load balancer asks; /metrics: what Prometheus does. */
#ifndef SERVER_RESOURCES_OPS_H
#define SERVER_RESOURCES_OPS_H

#include "server/request/request.h"

request_function ops_health, ops_ready, ops_metrics;

#endif
