/* The account behind a request, and the token or the session that it came by. Immutable; shared by counting
 * references, within one loop. */
#ifndef SERVER_AUTH_CALLER_H
#define SERVER_AUTH_CALLER_H

#include "common/db.h"
#include <stdbool.h>
#include <stdint.h>

struct caller {
    int references;
    bool has_ended;     /* the token was revoked or otherwise ended before it expired */
    int64_t expires_us; /* by PostgreSQL's clock, microseconds since 2000-01-01Z; 0 with a session */
    int64_t user_id;
    int64_t organization_id;
    int64_t token_id;   /* 0 with a session */
    int64_t session_id; /* 0 with a token */
    int64_t token_days; /* for which the token was issued */
    int64_t rate_limit; /* requests a minute, 0 for the server's default */
    bool is_admin;      /* owner or admin of the organization */
    char *email, *name, *kind, *org_role, *organization_name;
    char *token_name, *token_preview, *token_created_at, *token_expires_at; /* NULL with a session */
};

/* Reads a row of gate/states, in binary; `first` is the column of the token id. Returns one reference. */
struct caller *caller_of_token(const struct db_result *result, int row, int first);
/* Reads a row of sessions/find. Returns one reference. */
struct caller *caller_of_session(const struct db_result *result, int row);

/* Adds a reference. */
struct caller *caller_keep(struct caller *caller);
/* Drops a reference, and frees the caller with the last one; NULL is fine. */
void caller_free(struct caller *caller);

#endif
