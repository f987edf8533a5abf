/* /account: the caller's own password and sessions. */
#ifndef SERVER_RESOURCES_ACCOUNT_H
#define SERVER_RESOURCES_ACCOUNT_H

#include "server/request/step.h"

struct endpoint;

extern const struct endpoint account_sessions, account_end_session, account_end_sessions;
request_function account_change_password;

#endif
