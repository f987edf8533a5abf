/* /api-keys: the caller's own tokens. */
#ifndef SERVER_RESOURCES_API_KEYS_H
#define SERVER_RESOURCES_API_KEYS_H

#include "server/request/step.h"

struct endpoint;

extern const struct endpoint api_keys_list, api_keys_get, api_keys_delete;

/* The token that the request itself presents; 404 for a session. */
request_function api_keys_get_current, api_keys_delete_current;

request_function api_keys_create;

#endif
