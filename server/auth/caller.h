/* Who makes a request: an account, by a token or by a session. Immutable and shared by reference, on one loop
 * only. */
#ifndef SERVER_AUTH_CALLER_H
#define SERVER_AUTH_CALLER_H

#include "common/db.h"
#include <stdbool.h>
#include <stdint.h>

struct caller {
    int references;
    bool has_ended;     /* the token, before its time was over */
    int64_t expires_us; /* by PostgreSQL's clock, microseconds since 2000-01-01Z; 0 with a session */
    int64_t user_id;
    int64_t organization_id;
    int64_t token_id;   /* 0 with a session */
    int64_t session_id; /* 0 with a token */
    int64_t token_days; /* its period */
    int64_t rate_limit; /* requests a minute, 0 for the server's default */
    bool is_admin;      /* owner or admin of the organization */
    char *email, *name, *kind, *org_role, *organization_name;
    char *token_name, *token_preview, *token_created_at, *token_expires_at; /* NULL with a session */
};

/* From one row of gate/states, in binary, beginning at its token id in column `first`. One reference. */
struct caller *caller_of_token(const struct db_result *result, int row, int first);
/* From the row of sessions/find. One reference. */
struct caller *caller_of_session(const struct db_result *result, int row);

struct caller *caller_keep(struct caller *caller);
/* Gives one reference back; NULL is fine. */
void caller_free(struct caller *caller);

#endif
