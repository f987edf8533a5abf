/* testkase-server: options, sockets, loops. */
#include "common/json.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/processors.h"
#include "common/program.h"
#include "common/secret.h"
#include "common/service.h"
#include "server/http/listener_sockets.h"
#include "server/loop.h"
#include "server/request/steps.h"
#include "server/routes.h"
#include "server/server.h"
#include "server/succession.h"
#include "server/take_over/rendezvous.h"
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_QUEUE    256
#define PASSWORD_QUEUE 64
#define CREATION_QUEUE 256

/* --- loops --- */

static void *
run_thread(void *loop)
{
    loop_run(loop);
    return NULL;
}

static void
on_signal(evutil_socket_t fd, short what, void *server)
{
    (void)what;
    log_info("stopping", log_text("signal", strsignal(fd)));
    service_stopping();
    succession_stopping(server);
    loop_stop_all(server);
}

static void
on_watchdog(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    (void)argument;
    service_watchdog();
}

/* Blocks (SIG_BLOCK) or unblocks the signals that ask the program to end. Threads made while they are blocked
 * never receive them. */
static void
mask_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(how, &set, NULL);
}

/* The signal is handled once. libevent then restores the handler that was there before, SIG_IGN, so that
 * further signals are ignored until the end. */
static struct event *
await_signal(int number, struct server *server)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(number, &ignore, NULL);
    struct event *event = event_new(server->loops[0].base, number, EV_SIGNAL, on_signal, server);
    event_add(event, NULL);
    return event;
}

/* The first loop runs on this thread, with the signals and the watchdog; the others on their own. */
static void
run_loops(struct server *server)
{
    struct loop *loops = server->loops;
    struct event *terminate = await_signal(SIGTERM, server);
    struct event *interrupt = await_signal(SIGINT, server);
    struct event *watchdog = event_new(loops[0].base, -1, EV_PERSIST, on_watchdog, NULL);
    succession_begin(server);
    mask_signals(SIG_UNBLOCK);
    int64_t interval = service_watchdog_interval_ms();
    if (interval > 0) {
        const struct timeval every = { .tv_sec = interval / 1000, .tv_usec = interval % 1000 * 1000 };
        event_add(watchdog, &every);
    }
    for (long i = 1; i < server->config->threads; i++) {
        int error = pthread_create(&loops[i].thread, NULL, run_thread, &loops[i]);
        if (error) {
            log_fatal("cannot start a thread", error);
        }
    }
    loop_run(&loops[0]);
    for (long i = 1; i < server->config->threads; i++) {
        pthread_join(loops[i].thread, NULL);
    }
    succession_end(server);
    event_free(terminate);
    event_free(interrupt);
    event_free(watchdog);
}

static void
run_server(struct server *server)
{
    long threads = server->config->threads;
    log_info("started", log_text("version", TESTKASE_VERSION));
    server->loops = memory_new((size_t)threads, sizeof(*server->loops));
    for (long i = 0; i < threads; i++) {
        loop_init(&server->loops[i], server, (int)i);
    }
    run_loops(server);
    for (long i = 0; i < threads; i++) {
        loop_clear(&server->loops[i]);
    }
    free(server->loops);
    log_info("stopped");
}

static int
serve(const struct config *config)
{
    struct server server;
    /* The sockets of systemd outlive a server anyway. */
    struct rendezvous *rendezvous =
        listener_sockets_are_given() ? NULL : rendezvous_new(config->listen, config->metrics_listen);
    struct route_table *table = route_table_new(routes, routes_count);
    const struct server_options server_options = {
        .config = config,
        .routes = table,
        .missing = &routes_missing,
        .events = &steps_events,
        .metrics_events = &steps_metrics_events,
        .hashers = processors_usable(),
        .token_queue = TOKEN_QUEUE,
        .password_queue = PASSWORD_QUEUE,
        .creation_queue = CREATION_QUEUE,
        .rendezvous = rendezvous,
    };
    mask_signals(SIG_BLOCK);
    int outcome = server_open(&server, &server_options);
    if (outcome == 0) {
        run_server(&server);
        outcome = atomic_load(&server.failed) ? -1 : 0;
        server_hand_over(&server);
    }
    server_close(&server);
    route_table_free(table);
    rendezvous_free(rendezvous);
    return outcome;
}

/* --- options --- */

static const char *
health_addresses(const struct config *config)
{
    return config->listen;
}

static int
print_routes(const struct program *program)
{
    (void)program;
    struct json_writer *writer = json_writer_new();
    size_t length;
    routes_write(writer);
    const char *json = json_writer_bytes(writer, &length);
    fwrite(json, 1, length, stdout);
    putchar('\n');
    json_writer_free(writer);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static const struct program_option options[] = {
    PROGRAM_OPTIONS,
    { "--routes", "print the calls of the API as JSON and exit", print_routes },
    { NULL, NULL, NULL },
};

static const struct program program = {
    .name = "testkase-server",
    .config = CONFIG_SERVER,
    .summary =
        "The HTTP server: authenticates Personal Access Tokens against PostgreSQL and serves the REST API.\n"
        "Any number of servers may run on one database.",
    .notes =
        "On SIGTERM it stops accepting, finishes the requests in flight within 10 s, and exits with 0.\n"
        "Started beside a running testkase-server of the same account, with the same TESTKASE_LISTEN and\n"
        "TESTKASE_METRICS_LISTEN, it takes over its sockets and what argon2 has proven. When it serves, the\n"
        "running one ends as on SIGTERM; if it fails before, that one goes on. They meet at a socket in\n"
        "$RUNTIME_DIRECTORY, else $XDG_RUNTIME_DIR/testkase, else /run/testkase if that is this account's;\n"
        "without such a directory, and with sockets of systemd, there is no take-over.",
    .options = options,
    .health_addresses = health_addresses,
    .serve = serve,
};

int
main(int argc, char **argv)
{
    return program_main(&program, argc, argv);
}
