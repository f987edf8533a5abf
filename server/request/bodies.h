/* Waiting for the body of a request, within the bounds of auth/body_room. A request that has to make room is
 * answered with 429 when its own account or address holds too much, and with 503 when the loop does; both
 * have Retry-After. */
#ifndef SERVER_REQUEST_BODIES_H
#define SERVER_REQUEST_BODIES_H

#include "server/request/request.h"

/* Waits for the body that the route takes. */
enum step_result bodies_wait(struct request *request);

/* The body is whole. */
void bodies_arrived(struct request *request);

/* The request ends, whatever has come of it. */
void bodies_release(struct request *request);

#endif
