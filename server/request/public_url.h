/* Tells that TESTKASE_PUBLIC_URL is not the address that browsers use: then requests of the service's own
 * pages look like those of another site, and links and cookies are wrong. */
#ifndef SERVER_REQUEST_PUBLIC_URL_H
#define SERVER_REQUEST_PUBLIC_URL_H

#include "server/request/request.h"

/* For a request that a browser calls same-origin: logs, once a minute, that its Origin is not the public URL.
 */
void public_url_check(const struct request *request);

/* Refuses a request that is not same-origin. If the only sign of that is an Origin other than the public URL,
 * the detail names both, and so does a log line, once a minute. */
enum step_result public_url_refuse(struct request *request);

#endif
