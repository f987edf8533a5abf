/* /api-keys/hygiene: the practices that the caller's tokens do not follow. */
#ifndef SERVER_RESOURCES_HYGIENE_H
#define SERVER_RESOURCES_HYGIENE_H

#include "server/request/step.h"

struct endpoint;

extern const struct endpoint hygiene_list;

request_function hygiene_dismiss;

#endif
