/* testkase-admin project …: projects and their members. */
#ifndef ADMIN_PROJECT_H
#define ADMIN_PROJECT_H

#include "admin/command.h"

extern const struct command project_commands[];

#endif
