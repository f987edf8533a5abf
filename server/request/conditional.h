/* Conditional requests (RFC 9110 §13): a client that has the answer already need not get it again. */
#ifndef SERVER_REQUEST_CONDITIONAL_H
#define SERVER_REQUEST_CONDITIONAL_H

#include "server/request/request.h"

/* Whether If-None-Match (§13.1.2) names `etag`, quotes and all: "*", or a list of tags, which may be weak. */
bool conditional_client_has(const struct request *request, const char *etag);

#endif
