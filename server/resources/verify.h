/* For reverse proxies (nginx auth_request, Traefik forwardAuth, Caddy forward_auth): whether the caller of
 * the request at hand may pass, and who it is. */
#ifndef SERVER_RESOURCES_VERIFY_H
#define SERVER_RESOURCES_VERIFY_H

#include "server/request/step.h"

request_function verify; /* any method of /auth/verify */

#endif
