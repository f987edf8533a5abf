/* A token that was found somewhere and presented to the operator. It is read without leaving it in argv, and
 * its secret is verified: otherwise anyone could have a token revoked by making up a secret for its public
 * look-up id. */
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

/* Reads the token in argument `position`, or from standard input if that is "-", and looks it up. Prints the
 * reason and returns false when it is not a token of this service. */
bool presented_find(const struct command_call *call, int position, struct db_sync *db,
                    struct presented *ret_found);

#endif
