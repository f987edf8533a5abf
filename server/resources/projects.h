/* /projects: the caller's projects, and their creation. */
#ifndef SERVER_RESOURCES_PROJECTS_H
#define SERVER_RESOURCES_PROJECTS_H

#include "server/request/step.h"

struct endpoint;

extern const struct endpoint projects_create, projects_update;
request_function projects_list; /* GET /projects/user-projects */

#endif
