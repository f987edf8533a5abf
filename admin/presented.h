/* A token that somebody has found and shows to the operator: read without leaving it in argv, and proven, so
 * that nobody can have another's token revoked by making one up around its public look-up id. */
#ifndef ADMIN_PRESENTED_H
#define ADMIN_PRESENTED_H

#include "admin/command.h"
#include "common/db_sync.h"
#include <stdint.h>

enum presented_proof {
    PRESENTED_PROVEN,
    PRESENTED_UNPROVABLE, /* the hash was erased when the token ended */
};

struct presented {
    int64_t token_id;
    enum presented_proof proof;
};

/* Reads the token that argument `position` holds, or standard input when it is "-", and looks it up. False:
 * told that it is no token of ours, or not the one that its look-up id belongs to. */
bool presented_find(const struct command_call *call, int position, struct db_sync *db,
                    struct presented *ret_found);

#endif
