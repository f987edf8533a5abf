/* Calls of webhooks by HTTP, with libcurl. Each address that libcurl is about to connect to is checked at the
 * moment at which its socket is made, so that no name can lead to another one than was checked; redirects are
 * not followed. 2xx in a complete head is success, whatever comes after it: the body is dropped. */
#ifndef WORKER_DELIVERY_WEBHOOK_H
#define WORKER_DELIVERY_WEBHOOK_H

#include "worker/delivery/carrier.h"

extern const struct carrier webhook_carrier;

#endif
