/* testkase-admin token …: Personal Access Tokens of all accounts. */
#ifndef ADMIN_TOKEN_H
#define ADMIN_TOKEN_H

#include "admin/command.h"

extern const struct command token_commands[];

#endif
