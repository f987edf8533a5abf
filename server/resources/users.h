/* /users: the accounts of the caller's organization, for its owner and admins. */
#ifndef SERVER_RESOURCES_USERS_H
#define SERVER_RESOURCES_USERS_H

#include "server/request/request.h"

request_function users_list, users_create, users_get, users_update, users_delete;

#endif
