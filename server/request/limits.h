/* The limits of what a caller may do, by the counts of auth/rate_limits. Refusals are 429 with Retry-After;
 * an answer to a caller has the RateLimit fields. */
#ifndef SERVER_REQUEST_LIMITS_H
#define SERVER_REQUEST_LIMITS_H

#include "server/auth/rate_limits.h"
#include "server/request/request.h"

request_function limits_check_session; /* a step: refuses a session over its limit before it costs a query */
request_function limits_ask_for_lease; /* a step: while the gate is asked, gets the lease that limits_count
                                          would have to wait for */
request_function limits_count;         /* a step: counts the request of a caller, or refuses it */

/* For handlers, before an act that costs an argon2: true when the caller's account may not do it now; the
 * answer is set then. */
bool limits_refuse_creation(struct request *request);

/* Before a password is checked: whether the account has signed in too often. The answer is set then. */
bool limits_refuse_sign_in(struct request *request, int64_t user_id);
/* After the password was right. Only then, because a guesser must not use up the owner's budget. */
void limits_count_sign_in(struct request *request, int64_t user_id);

#endif
