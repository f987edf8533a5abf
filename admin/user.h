/* testkase-admin user …: people and service accounts. */
#ifndef ADMIN_USER_H
#define ADMIN_USER_H

#include "admin/command.h"
#include "common/db_sync.h"
#include <stdint.h>

extern const struct command user_commands[];

struct user_found {
    int64_t id;
    int64_t organization_id;
    bool is_service;
    char email[256];
    char name[512];
};

/* Looks an account up by its address. False after it has printed that there is none, or why PostgreSQL gave
 * no answer. */
bool user_find(struct db_sync *db, const char *email, struct user_found *ret_user);

#endif
