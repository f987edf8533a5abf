/* testkase-admin status: is the service's database reachable, of the right version, and does a worker live?
 */
#ifndef ADMIN_STATUS_H
#define ADMIN_STATUS_H

#include "admin/command.h"

extern const struct command status_commands[];

#endif
