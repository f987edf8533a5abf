/* /session: sign-in, the caller's own account, the password once more, sign-out. */
#ifndef SERVER_RESOURCES_SESSION_H
#define SERVER_RESOURCES_SESSION_H

#include "server/request/step.h"

request_function session_create, session_get, session_confirm, session_delete;

#endif
