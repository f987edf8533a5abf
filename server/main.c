/* testkase-server: options, sockets, loops. */
#include "common/log.h"
#include "common/memory.h"
#include "common/processors.h"
#include "common/program.h"
#include "common/secret.h"
#include "common/service.h"
#include "server/auth/rate_limit.h"
#include "server/loop.h"
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_QUEUE        256
#define PASSWORD_QUEUE     64
#define VERIFIED_GOOD_MAX  100000
#define VERIFIED_WRONG_MAX 50000

/* --- what the loops share --- */

static int
make_dummy_hash(struct shared *shared)
{
    char random[33];
    secret_random_base62(random, 32);
    return secret_hash(random, 32, &shared->cost, shared->dummy_hash);
}

static int
open_shared(struct shared *shared, const struct config *config)
{
    char error[256];
    shared->config = config;
    shared->cost = (struct secret_cost){ (uint32_t)config->argon2_memory_kib, (uint32_t)config->argon2_time,
                                         (uint32_t)config->argon2_parallelism };
    shared->connections = (int)config->threads * (GATE_CONNECTIONS + LOOP_HANDLER_CONNECTIONS);
    shared->secure = strncmp(config->public_url, "https://", strlen("https://")) == 0;
    if (listener_sockets_bind(config->listen, (int)config->threads, &shared->sockets, error, sizeof(error)) <
        0) {
        log_error("cannot start", log_text("reason", error));
        return -1;
    }
    if (config->metrics_listen && *config->metrics_listen &&
        listener_sockets_bind(config->metrics_listen, 1, &shared->metrics_sockets, error, sizeof(error)) <
            0) {
        log_error("cannot start", log_text("reason", error));
        return -1;
    }
    shared->address = memory_duplicate(listener_sockets_address(shared->sockets));
    if (make_dummy_hash(shared) < 0) {
        log_error("cannot start",
                  log_text("reason", "argon2 cannot work with these costs; is there enough memory?"));
        return -1;
    }
    const struct hasher_options hasher = { .parallel = processors_usable(),
                                           .token_queue = TOKEN_QUEUE,
                                           .password_queue = PASSWORD_QUEUE };
    shared->hasher = hasher_new(&hasher);
    shared->verified = verified_new(VERIFIED_GOOD_MAX, VERIFIED_WRONG_MAX);
    shared->rate_limits = rate_limits_new(config->rate_limit, config->rate_burst);
    shared->guess_throttle = guess_throttle_new();
    shared->trusted_proxies = trusted_proxies_new(config->trusted_proxies);
    return 0;
}

static void
close_shared(struct shared *shared)
{
    hasher_free(shared->hasher);
    verified_free(shared->verified);
    rate_limits_free(shared->rate_limits);
    guess_throttle_free(shared->guess_throttle);
    trusted_proxies_free(shared->trusted_proxies);
    listener_sockets_unbind(shared->sockets);
    listener_sockets_unbind(shared->metrics_sockets);
    free(shared->address);
}

/* --- loops --- */

static void *
run_thread(void *loop)
{
    loop_run(loop);
    return NULL;
}

static void
on_signal(evutil_socket_t fd, short what, void *shared)
{
    (void)what;
    log_info("stopping", log_text("signal", strsignal(fd)));
    service_stopping();
    loop_stop_all(shared);
}

static void
on_watchdog(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    (void)argument;
    service_watchdog();
}

/* The signals that ask the program to end, held back (SIG_BLOCK) or let through: whatever threads are made
 * meanwhile never take them. */
static void
mask_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(how, &set, NULL);
}

/* Answered once; libevent then puts back what was there before, so that further ones are ignored until the
 * end. */
static struct event *
await_signal(int number, struct shared *shared)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(number, &ignore, NULL);
    struct event *event = event_new(shared->loops[0].base, number, EV_SIGNAL, on_signal, shared);
    event_add(event, NULL);
    return event;
}

/* The first loop runs here, with the signals and the watchdog; the others on threads of their own. */
static void
run_loops(struct shared *shared)
{
    struct loop *loops = shared->loops;
    struct event *terminate = await_signal(SIGTERM, shared);
    struct event *interrupt = await_signal(SIGINT, shared);
    struct event *watchdog = event_new(loops[0].base, -1, EV_PERSIST, on_watchdog, NULL);
    mask_signals(SIG_UNBLOCK);
    int64_t interval = service_watchdog_interval_ms();
    if (interval > 0) {
        const struct timeval every = { .tv_sec = interval / 1000, .tv_usec = interval % 1000 * 1000 };
        event_add(watchdog, &every);
    }
    for (long i = 1; i < shared->config->threads; i++) {
        if (pthread_create(&loops[i].thread, NULL, run_thread, &loops[i]) != 0) {
            log_out_of_memory();
        }
    }
    loop_run(&loops[0]);
    for (long i = 1; i < shared->config->threads; i++) {
        pthread_join(loops[i].thread, NULL);
    }
    event_free(terminate);
    event_free(interrupt);
    event_free(watchdog);
}

static int
serve(const struct config *config)
{
    struct shared shared = { 0 };
    mask_signals(SIG_BLOCK);
    int outcome = open_shared(&shared, config);
    if (outcome == 0) {
        log_info("started", log_text("version", TESTKASE_VERSION));
        shared.loops = memory_new((size_t)config->threads, sizeof(*shared.loops));
        for (long i = 0; i < config->threads; i++) {
            loop_init(&shared.loops[i], &shared, (int)i);
        }
        run_loops(&shared);
        for (long i = 0; i < config->threads; i++) {
            loop_clear(&shared.loops[i]);
        }
        free(shared.loops);
        outcome = atomic_load(&shared.failed) ? -1 : 0;
        log_info("stopped");
    }
    close_shared(&shared);
    return outcome;
}

/* --- options --- */

static const struct program_option options[] = { PROGRAM_OPTIONS, { NULL, NULL, NULL } };

static const struct program program = {
    .name = "testkase-server",
    .config = CONFIG_SERVER,
    .summary =
        "The HTTP front: authenticates Personal Access Tokens against PostgreSQL and serves the REST API.\n"
        "Any number may run at once, on one database.",
    .notes = "SIGTERM stops accepting, finishes what is in flight within 10 s and exits with 0.",
    .options = options,
    .serve = serve,
};

int
main(int argc, char **argv)
{
    return program_main(&program, argc, argv);
}
