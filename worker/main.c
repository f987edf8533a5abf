/* testkase-worker: options and configuration; the work is in loop.c. */
#include "common/config.h"
#include "common/db.h"
#include "common/log.h"
#include "common/secret.h"
#include "common/service.h"
#include "worker/loop.h"
#include "worker/stop.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2

static struct config *
load_config(void)
{
    struct config *config = NULL;
    char error[512];
    if (config_load((const char *const *)environ, CONFIG_WORKER, &config, error, sizeof(error)) < 0) {
        log_setup("testkase-worker", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
        log_error("bad configuration", log_text("error", error));
        return NULL;
    }
    log_setup("testkase-worker", config->log_level, config->log_format);
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
    puts("Usage: testkase-worker [--help | --version | --check-config]\n\n"
         "The background process: ends tokens that have expired or whose owner has left, makes rotation\n"
         "reminders due, and keeps the database tidy. Any number may run at once.\n\n"
         "  --help          this text\n"
         "  --version       the version\n"
         "  --check-config  check the configuration and exit\n\n"
         "Environment:");
    config_print_help(stdout, CONFIG_WORKER);
    return EXIT_SUCCESS;
}

static int
print_version(void)
{
    puts("testkase-worker " TESTKASE_VERSION);
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
    puts("testkase-worker: the configuration is valid");
    return EXIT_SUCCESS;
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
    struct stop *stop = stop_new();
    if (!stop) {
        log_error("cannot watch for signals", log_text("error", strerror(errno)));
        config_free(config);
        return EXIT_FAILURE;
    }
    secret_setup();
    log_info("started", log_text("version", TESTKASE_VERSION));
    int outcome = loop_run(config->database_url, config->metrics_listen, stop);
    log_info("stopped");
    stop_free(stop);
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
    fprintf(stderr, "testkase-worker: unknown option %s; see testkase-worker --help\n", argv[1]);
    return EXIT_USAGE;
}
