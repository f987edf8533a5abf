/* /api-keys: the caller's own tokens; and /users/{id}/api-keys, those of an account, for admins. */
#ifndef SERVER_RESOURCES_API_KEYS_H
#define SERVER_RESOURCES_API_KEYS_H

#include "server/request/step.h"

struct endpoint;

extern const struct endpoint api_keys_list, api_keys_get, api_keys_delete;

/* What is known of one token: its rotation, what its end would break, what happened to it. */
extern const struct endpoint api_keys_rotation, api_keys_impact, api_keys_history;

/* The token that the request itself presents; 404 for a session. */
request_function api_keys_get_current, api_keys_delete_current;

/* The tokens of an account of the organization. */
extern const struct endpoint api_keys_list_of_user;
request_function api_keys_get_of_user, api_keys_delete_of_user;

/* All tokens of the caller but some. */
request_function api_keys_delete_all;

#endif
