/* testkase-admin status: whether the database is reachable, has the right schema, and a worker runs. */
#ifndef ADMIN_STATUS_H
#define ADMIN_STATUS_H

#include "admin/command.h"

extern const struct command status_commands[];

#endif
