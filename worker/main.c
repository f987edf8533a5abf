/* testkase-worker: options; the work is in loop.c. */
#include "common/log.h"
#include "common/program.h"
#include "worker/loop.h"
#include "worker/stop.h"
#include <errno.h>
#include <string.h>

static int
serve(const struct config *config)
{
    struct stop *stop = stop_new();
    if (!stop) {
        log_error("cannot watch for signals", log_text("error", strerror(errno)));
        return -1;
    }
    log_info("started", log_text("version", TESTKASE_VERSION));
    int outcome = loop_run(config, stop);
    log_info("stopped");
    stop_free(stop);
    return outcome;
}

static const char *
health_addresses(const struct config *config)
{
    return config->metrics_listen;
}

static const struct program_option options[] = { PROGRAM_OPTIONS, { NULL, NULL, NULL } };

static const struct program program = {
    .name = "testkase-worker",
    .config = CONFIG_WORKER,
    .summary =
        "The background process: ends tokens that have expired or whose owner has left, makes rotation\n"
        "reminders due, and keeps the database tidy. Any number may run at once.",
    .options = options,
    .health_addresses = health_addresses,
    .serve = serve,
};

int
main(int argc, char **argv)
{
    return program_main(&program, argc, argv);
}
