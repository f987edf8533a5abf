/* /api-keys/report-leak: whoever finds a token has it revoked, without credentials of their own. The answer
 * is 202 whatever was sent, so it tells nothing about the token. */
#ifndef SERVER_RESOURCES_LEAKS_H
#define SERVER_RESOURCES_LEAKS_H

#include "server/request/step.h"

request_function leaks_report;

#endif
