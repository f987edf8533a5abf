/* Authentication and authorization; the steps stand in the order they run: read the credentials (RFC 6750, or
 * the session cookie), prove the secret, ask PostgreSQL whether the token or the session is still valid,
 * check the route's access. */
#ifndef SERVER_REQUEST_AUTHENTICATE_H
#define SERVER_REQUEST_AUTHENTICATE_H

#include "server/request/step.h"

request_function authenticate_same_origin; /* refuses unsafe requests from another site's pages */
request_function authenticate_identify;  /* reads the credentials; refuses malformed and known wrong tokens */
request_function authenticate_prove;     /* argon2, unless the token is known to be right */
request_function authenticate_ask_gate;  /* asks PostgreSQL: is the token or session valid now? */
request_function authenticate_admit;     /* takes the answer: sets auth.caller, or refuses */
request_function authenticate_authorize; /* checks the access that the route requires */

/* Counts this request in the usage entry that ignores address and client. */
void authenticate_share_usage_entry(struct request *request);

#endif
