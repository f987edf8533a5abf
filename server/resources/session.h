/* /session: sign-in, who am I, sign-out. */
#ifndef SERVER_RESOURCES_SESSION_H
#define SERVER_RESOURCES_SESSION_H

#include "server/request/step.h"

request_function session_create, session_get, session_delete;

#endif
