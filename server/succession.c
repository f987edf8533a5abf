#include "server/succession.h"
#include "common/service.h"
#include "server/http/listener_sockets.h"
#include "server/loop.h"
#include "server/server.h"
#include "server/take_over/predecessor.h"
#include "server/take_over/successors.h"

static void
share_sockets(struct server *server, bool shared)
{
    listener_sockets_share(server->sockets, shared);
    listener_sockets_share(server->metrics_sockets, shared);
}

/* --- from the one before --- */

/* The socket's mode may be another one by this server's settings. */
static void
on_gone(void *argument)
{
    struct server *server = argument;
    share_sockets(server, false);
    server_permit_sockets(server);
    successors_await(server->successors);
}

static void
on_stays(void *argument)
{
    struct server *server = argument;
    atomic_store(&server->failed, true);
    loop_stop_all(server);
}

/* --- to the next --- */

/* The next server accepts whoever waits. */
static void
on_relieved(void *argument)
{
    struct server *server = argument;
    service_stopping();
    share_sockets(server, true);
    loop_stop_all(server);
}

/* --- both --- */

void
succession_begin(struct server *server)
{
    struct event_base *base = server->loops[0].base;
    const struct predecessor_events events = { on_gone, on_stays, server };
    const struct successors_options options = {
        .rendezvous = server->rendezvous,
        .sockets = server->sockets,
        .metrics_sockets = server->metrics_sockets,
        .verified = server->verified,
        .loops = (int)server->config->threads,
        .on_relieved = on_relieved,
        .argument = server,
    };
    if (!server->rendezvous) {
        return;
    }
    server->successors = successors_new(base, &options);
    if (server->predecessor) {
        predecessor_watch(server->predecessor, base, &events);
    } else {
        successors_await(server->successors);
    }
}

bool
succession_is_awaited(const struct server *server)
{
    return predecessor_serves(server->predecessor);
}

void
succession_ready(struct server *server)
{
    predecessor_relieve(server->predecessor);
    successors_permit(server->successors);
}

void
succession_stopping(struct server *server)
{
    if (successors_dismiss(server->successors)) {
        share_sockets(server, true);
    }
}

void
succession_end(struct server *server)
{
    successors_free(server->successors);
    predecessor_free(server->predecessor);
    server->successors = NULL;
    server->predecessor = NULL;
}
