/* The organization's webhooks, for its admins: what is called when something happens, and what came of it. */
#ifndef SERVER_RESOURCES_WEBHOOKS_H
#define SERVER_RESOURCES_WEBHOOKS_H

#include "server/request/request.h"

extern const struct endpoint webhooks_list;
extern const struct endpoint webhooks_get;
extern const struct endpoint webhooks_delete;
extern const struct endpoint webhooks_test;
extern const struct endpoint webhooks_deliveries;
extern const struct endpoint webhooks_redeliver;

request_function webhooks_create; /* the secret that signs is in this answer only */
request_function webhooks_update;
request_function webhooks_rotate_secret; /* so is the new one in this */

#endif
