/* /projects: the caller's projects. */
#ifndef SERVER_RESOURCES_PROJECTS_H
#define SERVER_RESOURCES_PROJECTS_H

#include "server/request/step.h"

request_function projects_list; /* GET /projects/user-projects */

#endif
