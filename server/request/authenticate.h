/* Authentication and authorization, the steps in the order they run: read the credentials (RFC 6750, or the
 * session's cookie), prove the secret, ask PostgreSQL whether the token or the session is still valid, check
 * the route's access. */
#ifndef SERVER_REQUEST_AUTHENTICATE_H
#define SERVER_REQUEST_AUTHENTICATE_H

#include "server/request/step.h"

request_function authenticate_same_origin; /* no unsafe call with a cookie from another site's page */
request_function authenticate_identify;    /* token or session; what cannot be a token ends here */
request_function authenticate_prove;       /* argon2, unless the token's secret is known to be right */
request_function authenticate_ask_gate;    /* is it valid now? */
request_function authenticate_admit;       /* sets auth.caller */
request_function authenticate_authorize;   /* what the route asks of a caller */

/* From now on this request counts in one usage entry with others of its token, whatever client they come
 * from. */
void authenticate_share_usage_entry(struct request *request);

#endif
