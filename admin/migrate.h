/* testkase-admin migrate: brings a database's schema to the version that this build knows. */
#ifndef ADMIN_MIGRATE_H
#define ADMIN_MIGRATE_H

#include "admin/command.h"

extern const struct command migrate_commands[];

#endif
