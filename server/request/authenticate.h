/* The steps that tell who makes a request, and whether that may: from what it presents (RFC 6750, or the
 * session's cookie) over the proof of the secret to what PostgreSQL says of it now. In the order in which
 * request.c runs them. */
#ifndef SERVER_REQUEST_AUTHENTICATE_H
#define SERVER_REQUEST_AUTHENTICATE_H

#include "server/request/request.h"

request_function authenticate_same_origin; /* no unsafe call with a cookie from another site's page */
request_function authenticate_identify;    /* token or session; a token that cannot be one ends here */
request_function authenticate_find_hash;   /* of a token whose secret is not known to be right */
request_function authenticate_prove;
request_function authenticate_proven;
request_function authenticate_ask;       /* does it live now? */
request_function authenticate_admit;     /* sets request->caller */
request_function authenticate_authorize; /* what the route asks of a caller */

#endif
