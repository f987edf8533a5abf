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

/* The same once more, when the body has arrived: rights may have been taken away meanwhile. */
request_function authenticate_after_body;

/* Asks the gate again and, if the caller is still admitted, goes on with `then`; for handlers, after argon2.
 * It spares work that would be in vain. The statement decides, because it holds its actor (acting() in the
 * schema). */
enum step_result authenticate_again(struct request *request, request_function *then);

/* Counts this request in the usage entry that ignores address and client. */
void authenticate_share_usage_entry(struct request *request);

#endif
