/* testkase-server: options, sockets, loops. */
#include "common/config.h"
#include "common/db.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/processors.h"
#include "common/service.h"
#include "server/auth/rate_limit.h"
#include "server/loop.h"
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE         2
#define TOKEN_QUEUE        256
#define PASSWORD_QUEUE     64
#define VERIFIED_GOOD_MAX  100000
#define VERIFIED_WRONG_MAX 50000

static struct config *
load_config(void)
{
    struct config *config = NULL;
    char error[512];
    if (config_load((const char *const *)environ, CONFIG_SERVER, &config, error, sizeof(error)) < 0) {
        log_setup("testkase-server", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
        log_error("bad configuration", log_text("error", error));
        return NULL;
    }
    log_setup("testkase-server", config->log_level, config->log_format);
    const char *refusal = db_url_refusal(config->database_url);
    if (refusal) {
        log_error("bad configuration", log_text("variable", "TESTKASE_DATABASE_URL"),
                  log_text("error", refusal));
        config_free(config);
        return NULL;
    }
    return config;
}

static int
print_help(void)
{
    puts("Usage: testkase-server [--help | --version | --check-config]\n\n"
         "The HTTP front: authenticates Personal Access Tokens against PostgreSQL and serves the REST API.\n"
         "Any number may run at once, on one database.\n\n"
         "  --help          this text\n"
         "  --version       the version\n"
         "  --check-config  check the configuration and exit\n\n"
         "SIGTERM stops accepting, finishes what is in flight within 10 s and exits with 0.\n\n"
         "Environment:");
    config_print_help(stdout, CONFIG_SERVER);
    return EXIT_SUCCESS;
}

static int
print_version(void)
{
    puts("testkase-server " TESTKASE_VERSION);
    return EXIT_SUCCESS;
}

static int
check_config(void)
{
    struct config *config = load_config();
    if (!config) {
        return EXIT_FAILURE;
    }
    config_free(config);
    puts("testkase-server: the configuration is valid");
    return EXIT_SUCCESS;
}

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

static int
run(void)
{
    struct config *config = load_config();
    if (!config) {
        return EXIT_FAILURE;
    }
    if (service_harden() < 0) {
        log_warning("could not harden the process in full", log_text("error", strerror(errno)));
    }
    secret_setup();
    int outcome = serve(config);
    config_free(config);
    return outcome == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static const struct option {
    const char *name;
    int (*run)(void);
} options[] = {
    { "--help", print_help },
    { "--version", print_version },
    { "--check-config", check_config },
};

int
main(int argc, char **argv)
{
    if (argc == 1) {
        return run();
    }
    for (size_t i = 0; argc == 2 && i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(argv[1], options[i].name) == 0) {
            return options[i].run();
        }
    }
    fprintf(stderr, "testkase-server: unknown option %s; see testkase-server --help\n", argv[1]);
    return EXIT_USAGE;
}
