#include "common/program.h"
#include "common/db_url.h"
#include "common/health.h"
#include "common/memory.h"
#include "common/secret.h"
#include "common/service.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE        2
#define HEALTH_TIMEOUT_MS 4000 /* leaves a second for everything else */

static void
warn_of_exposed(const struct config *config)
{
    for (size_t i = 0; i < config->exposed_count; i++) {
        char variable[80];
        snprintf(variable, sizeof(variable), "%s_FILE", config->exposed[i]);
        log_warning("every user of this machine may read the file of a secret; remove that right",
                    log_text("variable", variable));
    }
}

/* Logs why there is none. */
static struct config *
load_config(const struct program *program)
{
    struct config *config = NULL;
    char error[512];
    if (config_load((const char *const *)environ, program->config, &config, error, sizeof(error)) < 0) {
        log_setup(program->name, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
        log_error("bad configuration", log_text("error", error));
        return NULL;
    }
    log_setup(program->name, config->log_level, config->log_format);
    const char *refusal = db_url_refusal(config->database_url);
    if (refusal) {
        log_error("bad configuration", log_text("variable", "TESTKASE_DATABASE_URL"),
                  log_text("error", refusal));
        config_free(config);
        return NULL;
    }
    warn_of_exposed(config);
    return config;
}

/* --- the options of every program --- */

int
program_print_help(const struct program *program)
{
    const struct program_option *option;
    const char *separator = "[";
    printf("Usage: %s ", program->name);
    for (option = program->options; option->name; option++, separator = " | ") {
        printf("%s%s", separator, option->name);
    }
    printf("]\n\n%s\n\n", program->summary);
    for (option = program->options; option->name; option++) {
        printf("  %-18s  %s\n", option->name, option->meaning);
    }
    printf("\n%s%sEnvironment:\n", program->notes ? program->notes : "", program->notes ? "\n\n" : "");
    config_print_help(stdout, program->config);
    return EXIT_SUCCESS;
}

int
program_print_version(const struct program *program)
{
    printf("%s %s\n", program->name, TESTKASE_VERSION);
    return EXIT_SUCCESS;
}

int
program_check_config(const struct program *program)
{
    struct config *config = load_config(program);
    if (!config) {
        return EXIT_FAILURE;
    }
    config_free(config);
    printf("%s: the configuration is valid\n", program->name);
    return EXIT_SUCCESS;
}

/* Asks at the first address. */
int
program_check_health(const struct program *program)
{
    struct config *config = load_config(program);
    if (!config) {
        return EXIT_FAILURE;
    }
    char error[256] = "set TESTKASE_METRICS_LISTEN: the program answers there";
    const char *addresses = program->health_addresses(config);
    char *address = memory_copy_text(addresses, strcspn(addresses, ","));
    int outcome = address[0] ? health_ask(address, HEALTH_TIMEOUT_MS, error, sizeof(error)) : -1;
    if (outcome == 0) {
        printf("%s: ready\n", program->name);
    } else {
        fprintf(stderr, "%s: not ready: %s\n", program->name, error);
    }
    free(address);
    config_free(config);
    return outcome == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
program_print_environment(const struct program *program)
{
    printf("# Settings of %s, as environment variables. To change one, remove the \"#\" before its name.\n\n",
           program->name);
    config_print_file(stdout, program->config);
    return EXIT_SUCCESS;
}

/* --- main --- */

static int
serve(const struct program *program)
{
    struct config *config = load_config(program);
    if (!config) {
        return EXIT_FAILURE;
    }
    if (service_harden() < 0) {
        log_warning("could not harden the process in full", log_text("error", strerror(errno)));
    }
    service_ignore_reloads();
    memory_setup();
    secret_setup();
    int outcome = program->serve(config);
    config_free(config);
    return outcome == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
misused(const struct program *program, const char *reason)
{
    fprintf(stderr, "%s: %s; see %s --help\n", program->name, reason, program->name);
    return EXIT_USAGE;
}

/* Shows the name of an option without its value, and no other argument: either may be a secret. */
static int
refuse_argument(const struct program *program, const char *argument)
{
    char reason[80] = "there are options, but no arguments";
    size_t name = strspn(argument, "-abcdefghijklmnopqrstuvwxyz");
    if (argument[0] == '-' && (argument[name] == '=' || argument[name] == '\0')) {
        snprintf(reason, sizeof(reason), "unknown option %.*s", (int)name, argument);
    }
    return misused(program, reason);
}

int
program_main(const struct program *program, int argc, char **argv)
{
    if (argc <= 1) {
        return serve(program);
    }
    if (argc > 2) {
        return misused(program, "give one option at most");
    }
    for (const struct program_option *option = program->options; option->name; option++) {
        if (strcmp(argv[1], option->name) == 0) {
            return option->run(program);
        }
    }
    return refuse_argument(program, argv[1]);
}
