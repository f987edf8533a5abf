/* testkase-admin backup: whether a database, restored or not, is fit for the servers, and what makes a
 * restored one so. */
#ifndef ADMIN_BACKUP_H
#define ADMIN_BACKUP_H

#include "admin/command.h"

extern const struct command backup_commands[];

#endif
