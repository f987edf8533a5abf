#include "server/server.h"
#include "common/log.h"
#include "common/service.h"
#include "server/auth/address_log.h"
#include "server/auth/guess_throttle.h"
#include "server/auth/hand_over.h"
#include "server/auth/hasher.h"
#include "server/auth/rate_limits.h"
#include "server/auth/verified.h"
#include "server/background.h"
#include "server/http/listener_sockets.h"
#include "server/http/trusted_proxies.h"
#include "server/loop.h"
#include "server/streams/hub.h"
#include "server/take_over/predecessor.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define VERIFIED_GOOD_MAX  100000
#define VERIFIED_WRONG_MAX 50000
#define UPLOADS_MAX        8 /* that wait to be read */

static const char kept_name[] = SERVICE_KEPT "verified";

/* W3C Secure Contexts §3.1: browsers trust https, and http to the machine itself. */
static bool
is_secure_context(const char *url)
{
    static const char *const trusted[] = { "https://", "http://127.", "http://localhost", "http://[::1]" };
    for (size_t i = 0; i < sizeof(trusted) / sizeof(trusted[0]); i++) {
        if (strncmp(url, trusted[i], strlen(trusted[i])) == 0) {
            return true;
        }
    }
    return false;
}

static int
make_dummy_hash(struct server *server)
{
    char random[33];
    secret_random_base62(random, 32);
    return secret_hash(random, 32, &server->cost, server->dummy_hash);
}

/* --- sockets --- */

/* Logs why the server cannot start. */
static int
refuse_start(const char *reason)
{
    log_error("cannot start", log_text("reason", reason));
    return -1;
}

/* Binds one setting's addresses. */
static int
bind_addresses(const char *addresses, int loops, struct listener_sockets **ret_sockets)
{
    char error[256];
    return listener_sockets_bind(addresses, loops, ret_sockets, error, sizeof(error)) < 0
               ? refuse_start(error)
               : 0;
}

static int
bind_sockets(struct server *server)
{
    const struct config *config = server->config;
    bool has_metrics = config->metrics_listen && *config->metrics_listen;
    if (bind_addresses(config->listen, (int)config->threads, &server->sockets) < 0) {
        return -1;
    }
    return has_metrics ? bind_addresses(config->metrics_listen, 1, &server->metrics_sockets) : 0;
}

/* Both calls take their descriptors, also when they fail. */
static int
take_sockets(struct server *server, const struct predecessor_gifts *gifts)
{
    char error[256];
    int result = listener_sockets_take(gifts->sockets, gifts->count, gifts->loops,
                                       (int)server->config->threads, &server->sockets, error, sizeof(error));
    if (gifts->metrics_count > 0) {
        result |= listener_sockets_take(gifts->sockets + gifts->count, gifts->metrics_count, 1, 1,
                                        &server->metrics_sockets, error, sizeof(error));
    }
    return result < 0 ? refuse_start(error) : 0;
}

int
server_permit_sockets(const struct server *server)
{
    const struct config *config = server->config;
    const struct listener_sockets *const sets[] = { server->sockets, server->metrics_sockets };
    const char *group = config->socket_group ? config->socket_group : "";
    char error[256];
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        if (sets[i] &&
            listener_sockets_permit(sets[i], config->socket_mode, group, error, sizeof(error)) < 0) {
            log_error("cannot serve on a unix socket", log_text("reason", error));
            return -1;
        }
    }
    return 0;
}

/* `results`: what an earlier process has left with the supervisor; a running one's count more. */
static int
open_sockets(struct server *server, int *results)
{
    struct predecessor_gifts gifts;
    server->predecessor = predecessor_ask(server->rendezvous, &gifts);
    if (server->predecessor && gifts.results >= 0) {
        if (*results >= 0) {
            close(*results);
        }
        *results = gifts.results;
    }
    int outcome = server->predecessor ? take_sockets(server, &gifts) : bind_sockets(server);
    return outcome == 0 ? server_permit_sockets(server) : -1;
}

/* --- from one process to the next --- */

/* Closes `results`. */
static void
take_results(struct server *server, int results)
{
    if (results < 0) {
        return;
    }
    long taken = hand_over_take(server->verified, results);
    close(results);
    if (taken >= 0) {
        log_info("took over verified tokens", log_number("count", taken));
    } else {
        log_info("the process before left verified tokens in another layout; each costs argon2 once");
    }
}

void
server_hand_over(struct server *server)
{
    int fd = hand_over_give(server->verified);
    if (fd < 0) {
        log_warning("cannot hand over verified tokens", log_text("error", strerror(errno)));
        return;
    }
    service_keep(kept_name, fd);
    close(fd);
}

/* --- opening and closing --- */

int
server_open(struct server *server, const struct server_options *options)
{
    const struct config *config = options->config;
    *server = (struct server){
        .config = config,
        .routes = options->routes,
        .missing = options->missing,
        .events = options->events,
        .metrics_events = options->metrics_events,
        .rendezvous = options->rendezvous,
        .cost = { (uint32_t)config->argon2_memory_kib, (uint32_t)config->argon2_time,
                  (uint32_t)config->argon2_parallelism },
        .connections = (int)config->threads * LOOP_DATABASE_CONNECTIONS,
        .is_secure_context = is_secure_context(config->public_url),
        .secure = strncmp(config->public_url, "https://", strlen("https://")) == 0,
    };
    int results = service_take_kept(kept_name);
    server->verified = verified_new(VERIFIED_GOOD_MAX, VERIFIED_WRONG_MAX);
    int opened = open_sockets(server, &results);
    take_results(server, results);
    if (opened < 0) {
        return -1;
    }
    if (make_dummy_hash(server) < 0) {
        return refuse_start("argon2 fails at the configured costs; is there enough memory?");
    }
    const struct hasher_options hasher = { .parallel = options->hashers,
                                           .token_queue = options->token_queue,
                                           .password_queue = options->password_queue,
                                           .creation_queue = options->creation_queue };
    server->hasher = hasher_new(&hasher);
    server->background = background_new(UPLOADS_MAX);
    server->hub = hub_new();
    server->rate_limits = rate_limits_new(config->rate_limit, config->rate_burst);
    server->guess_throttle = guess_throttle_new();
    server->failed_sign_ins = address_log_new();
    server->trusted_proxies = trusted_proxies_new(config->trusted_proxies);
    return 0;
}

void
server_close(struct server *server)
{
    hasher_free(server->hasher);
    background_free(server->background);
    hub_free(server->hub);
    verified_free(server->verified);
    rate_limits_free(server->rate_limits);
    guess_throttle_free(server->guess_throttle);
    address_log_free(server->failed_sign_ins);
    trusted_proxies_free(server->trusted_proxies);
    listener_sockets_unbind(server->sockets);
    listener_sockets_unbind(server->metrics_sockets);
    predecessor_free(server->predecessor);
}
