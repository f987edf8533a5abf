/* /users: the accounts of the caller's organization, for its owner and admins. */
#ifndef SERVER_RESOURCES_USERS_H
#define SERVER_RESOURCES_USERS_H

#include "server/request/step.h"

struct endpoint;

extern const struct endpoint users_list, users_get, users_update, users_delete;
request_function users_create;

#endif
