/* For reverse proxies (nginx auth_request, Traefik forwardAuth, Caddy forward_auth): says whether a request
 * may pass, and identifies its caller. */
#ifndef SERVER_RESOURCES_VERIFY_H
#define SERVER_RESOURCES_VERIFY_H

#include "server/request/step.h"

request_function verify; /* any method of /auth/verify */

#endif
