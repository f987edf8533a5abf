/* What main() of every service does: options, configuration, hardening. */
#ifndef COMMON_PROGRAM_H
#define COMMON_PROGRAM_H

#include "common/config.h"

struct program;

/* A program's only argument, if there is one. `run` prints its result and returns the exit status. */
struct program_option {
    const char *name;
    const char *meaning; /* for --help */
    int (*run)(const struct program *program);
};

struct program {
    const char *name; /* "testkase-server" */
    enum config_program config;
    const char *summary;                  /* for --help: lines that say what the program does */
    const char *notes;                    /* for --help, after the options; may be NULL */
    const struct program_option *options; /* ends with a row without a name */
    /* The addresses at which the running program answers /readyz, separated by commas; "" if there is none.
     */
    const char *(*health_addresses)(const struct config *config);
    /* Serves until the end; called without an option. Returns 0, or -1 after it has logged a failure. */
    int (*serve)(const struct config *config);
};

/* The options of every program, as the first rows of its table. */
/* clang-format off */
#define PROGRAM_OPTIONS \
    { "--help", "this text", program_print_help }, \
    { "--version", "the version", program_print_version }, \
    { "--check-config", "check the configuration and exit", program_check_config }, \
    { "--health", "ask the program that runs here whether it is ready, and exit", program_check_health }, \
    { "--environment-file", "print all variables as a file for systemd", program_print_environment }
/* clang-format on */

int program_print_help(const struct program *program);
int program_print_version(const struct program *program);
int program_check_config(const struct program *program);
/* Takes 5 seconds at most. The status is 0 when the program has answered that it is ready. */
int program_check_health(const struct program *program);
int program_print_environment(const struct program *program);

/* All that main() does. Without an argument: loads the configuration, sets up the log, hardens the process,
 * prepares libsodium, serves. Returns the exit status: 0; 1 when the configuration is bad or serving failed;
 * 2 when the command line is wrong. */
int program_main(const struct program *program, int argc, char **argv);

#endif
