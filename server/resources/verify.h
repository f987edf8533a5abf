/* For reverse proxies (nginx auth_request, Traefik forwardAuth, Caddy forward_auth, Envoy ext_authz): says
 * whether a request may pass, and identifies its caller. With a session, the request must not come from a
 * page of another site: the proxy tells its method (X-Forwarded-Method or X-Original-Method, else the method
 * of the question) and its address (X-Forwarded-Proto and -Host, X-Original-URL, else Host), and forwards
 * Origin and the Sec-Fetch fields. */
#ifndef SERVER_RESOURCES_VERIFY_H
#define SERVER_RESOURCES_VERIFY_H

#include "server/request/step.h"

request_function verify; /* any method of /auth/verify and of the paths below it, where Envoy asks */

#endif
