/* POST /api-keys, /users/{id}/api-keys and /api-keys/{id}/rotate: makes a token, hashes it, stores the hash,
 * and shows the token, once. With an Idempotency-Key, a request that is sent again makes no second token. */
#ifndef SERVER_RESOURCES_NEW_API_KEY_H
#define SERVER_RESOURCES_NEW_API_KEY_H

#include "server/request/step.h"

request_function new_api_key_create;

/* For the service account in the path, by an admin. */
request_function new_api_key_create_for_service;

/* The successor of the token in the path, or of the one that the request presents (404 for a session). */
request_function new_api_key_rotate, new_api_key_rotate_current;

#endif
