/* What a token was used for. */
#ifndef SERVER_RESOURCES_ACTIVITY_H
#define SERVER_RESOURCES_ACTIVITY_H

#include "server/request/request.h"

request_function activity_list; /* GET /api-keys/{id}/activity?since= */

#endif
