#include "server/request/renew.h"
#include "common/log.h"
#include "common/memory.h"
#include "server/auth/hasher.h"
#include "server/database/handlers.h"
#include "server/server.h"
#include <stdio.h>
#include <stdlib.h>

struct renewal {
    struct loop *loop;
    enum query query;
    int64_t id;
    char encoded[SECRET_HASH_SIZE];
};

static void
free_renewal(struct renewal *renewal)
{
    secret_wipe(renewal, sizeof(*renewal));
    free(renewal);
}

static void
on_renewed(const struct db_result *result, void *argument)
{
    struct renewal *renewal = argument;
    if (db_status(result) == DB_REFUSED) {
        log_warning("query failed", log_text("query", query_texts[renewal->query].name),
                    log_text("sqlstate", db_sqlstate(result)), log_text("reason", db_message(result)));
    }
    free_renewal(renewal);
}

static void
on_hashed(const struct hasher_result *result, void *argument)
{
    struct renewal *renewal = argument;
    if (result->outcome != HASHER_HASHED) {
        free_renewal(renewal);
        return;
    }
    const struct db_value values[] = { DB_INT64(renewal->id), DB_TEXT(renewal->encoded),
                                       DB_TEXT(result->encoded) };
    db_call(handlers_background(renewal->loop->handlers), renewal->query, values, false, on_renewed, renewal);
}

static void
renew(struct loop *loop, enum query query, int64_t id, const char *encoded, const char *secret, size_t length)
{
    if (!secret_needs_rehash(encoded, &loop->server->cost)) {
        return;
    }
    struct renewal *renewal = memory_new(1, sizeof(*renewal));
    renewal->loop = loop;
    renewal->query = query;
    renewal->id = id;
    snprintf(renewal->encoded, sizeof(renewal->encoded), "%s", encoded);
    const struct hasher_job job = { .share = HASHER_CREATIONS,
                                    .is_background = true,
                                    .secret = secret,
                                    .length = length,
                                    .cost = &loop->server->cost,
                                    .callback = on_hashed,
                                    .argument = renewal };
    if (!hasher_hash(loop->mailbox, &job)) {
        free_renewal(renewal);
    }
}

void
renew_token_hash(struct loop *loop, int64_t token_id, const char *encoded, const char *token, size_t length)
{
    renew(loop, QUERY_GATE_RENEW_HASH, token_id, encoded, token, length);
}

void
renew_password_hash(struct loop *loop, int64_t user_id, const char *encoded, const char *password,
                    size_t length)
{
    renew(loop, QUERY_SESSIONS_RENEW_HASH, user_id, encoded, password, length);
}
