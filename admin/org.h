/* testkase-admin org …: organizations. */
#ifndef ADMIN_ORG_H
#define ADMIN_ORG_H

#include "admin/command.h"

extern const struct command org_commands[];

#endif
