/* /projects */
#ifndef SERVER_RESOURCES_PROJECTS_H
#define SERVER_RESOURCES_PROJECTS_H

#include "server/request/request.h"

request_function projects_list;

#endif
