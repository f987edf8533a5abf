/* POST /auth/introspect: what another service may know of a token that it was shown (RFC 7662). It asks by a
 * form, as an organization's admin or as a service account; a token of another organization is not active. */
#ifndef SERVER_RESOURCES_INTROSPECTION_H
#define SERVER_RESOURCES_INTROSPECTION_H

#include "server/request/request.h"

enum step_result introspection_post(struct request *request);

#endif
