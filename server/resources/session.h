/* /session: sign-in, the caller's own account, sign-out. */
#ifndef SERVER_RESOURCES_SESSION_H
#define SERVER_RESOURCES_SESSION_H

#include "server/request/step.h"

request_function session_create, session_get, session_delete;

#endif
