/* GET /api/v1/events: what concerns the tokens of a person, as server-sent events. */
#ifndef SERVER_RESOURCES_EVENTS_H
#define SERVER_RESOURCES_EVENTS_H

#include "server/request/step.h"

request_function events_get;

#endif
