/* Every carrier, in the order in which the dispatcher serves them. */
#ifndef WORKER_DELIVERY_CARRIERS_H
#define WORKER_DELIVERY_CARRIERS_H

#include "worker/delivery/carrier.h"
#include "worker/metrics.h"

#define CARRIERS_COUNT METRICS_CARRIERS

extern const struct carrier *const carriers[CARRIERS_COUNT];

#endif
