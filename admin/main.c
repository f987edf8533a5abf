/* testkase-admin: the operator's command line. */
#include "admin/backup.h"
#include "admin/command.h"
#include "admin/migrate.h"
#include "admin/org.h"
#include "admin/output.h"
#include "admin/project.h"
#include "admin/status.h"
#include "admin/token.h"
#include "admin/user.h"
#include "common/config.h"
#include "common/log.h"
#include "common/migrations.h"
#include "common/secret.h"
#include "common/service.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct command *const tables[] = {
    migrate_commands, status_commands, org_commands,    user_commands,
    project_commands, token_commands,  backup_commands,
};

static const char exit_statuses[] = "0  done\n"
                                    "1  refused, unhealthy or failed; one line on standard error says why\n"
                                    "2  wrong command line or configuration";

static const char description[] =
    "Sets up and maintains the database of a TestKase token service: schema,\n"
    "organizations, people, projects, tokens. It works on the database directly, in the\n"
    "role testkase_owner. Every running server sees its changes at once, and the audit\n"
    "log notes them with \"operator\" as the actor.\n"
    "\n"
    "Results go to standard output, as text or, with --json, as one JSON document; errors\n"
    "go to standard error. Passwords and tokens are read from the terminal or from\n"
    "standard input.\n"
    "\n"
    "`testkase-admin SUBCOMMAND --help` describes a subcommand. `testkase-admin --environment-file`\n"
    "prints all variables as a file for systemd.";

static const char examples[] =
    "testkase-admin migrate\n"
    "testkase-admin org create \"Example Ltd\" --owner ada@example.com --password-stdin\n"
    "testkase-admin user create ci-bot@example.com --org 1173 --service\n"
    "testkase-admin token create ci-bot@example.com --name \"GitHub Actions\" "
    "--expires-in-days 90";

/* Lists the subcommands whose name begins with the word `noun` (NULL: all). Returns how many they are. */
static int
list_commands(FILE *out, const char *noun, bool with_synopsis)
{
    int listed = 0;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct command *command = tables[i]; command->name; command++) {
            size_t length = strcspn(command->name, " ");
            if (noun && (strlen(noun) != length || strncmp(noun, command->name, length) != 0)) {
                continue;
            }
            listed++;
            if (with_synopsis) {
                fputs("    ", out);
                command_print_synopsis(out, command);
                command_print_indented(out, command->summary, 8);
            } else {
                fprintf(out, "    %-22s  %s\n", command->name, command->summary);
            }
        }
    }
    return listed;
}

/* The sections that the program and its subcommands share. */
static void
print_shared_help(void)
{
    fputs("\nEXIT STATUS\n", stdout);
    command_print_indented(stdout, exit_statuses, 4);
    fputs("\nENVIRONMENT\n", stdout);
    config_print_help(stdout, CONFIG_ADMIN);
}

static void
print_help(void)
{
    fputs("NAME\n    testkase-admin - set up and maintain a TestKase token service\n\n"
          "SYNOPSIS\n    testkase-admin SUBCOMMAND [ARGUMENT...] [--json]\n"
          "    testkase-admin [SUBCOMMAND] --help\n    testkase-admin --version | --environment-file\n\n"
          "DESCRIPTION\n",
          stdout);
    command_print_indented(stdout, description, 4);
    fputs("\nSUBCOMMANDS\n", stdout);
    list_commands(stdout, NULL, true);
    fputs("\nEXAMPLES\n", stdout);
    command_print_indented(stdout, examples, 4);
    print_shared_help();
}

/* The subcommand at the start of the command line, and how many words its name takes. */
static const struct command *
find_command(int count, char **words, int *ret_taken)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct command *command = tables[i]; command->name; command++) {
            int taken = command_match(command, count, words);
            if (taken > 0) {
                *ret_taken = taken;
                return command;
            }
        }
    }
    return NULL;
}

/* No subcommand was recognized: an option of the program itself, a noun alone, or a mistake. */
static enum command_exit
run_without_command(int count, char **words)
{
    const char *first = count > 0 ? words[0] : "";
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
        print_help();
        return COMMAND_DONE;
    }
    if (strcmp(first, "--version") == 0) {
        printf("testkase-admin " TESTKASE_VERSION " (schema %d)\n", migration_count);
        return COMMAND_DONE;
    }
    if (strcmp(first, "--environment-file") == 0) {
        config_print_file(stdout, CONFIG_ADMIN);
        return COMMAND_DONE;
    }
    if (count > 1 && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0) &&
        list_commands(stdout, first, true) > 0) {
        return COMMAND_DONE;
    }
    /* Does not quote the argument, because it may be a pasted token. */
    output_error(count > 0 ? "there is no such subcommand; these exist:"
                           : "a subcommand is missing; these exist:");
    if (list_commands(stderr, first, false) == 0) {
        list_commands(stderr, NULL, false);
    }
    return COMMAND_MISUSED;
}

static enum command_exit
run_configured(struct command_call *call)
{
    struct config *config;
    char error[512];
    if (config_load((const char *const *)environ, CONFIG_ADMIN, &config, error, sizeof(error)) < 0) {
        output_error("%s", error);
        return COMMAND_MISUSED;
    }
    log_setup("testkase-admin", config->log_level, config->log_format);
    call->config = config;
    for (size_t i = 0; i < config->exposed_count; i++) {
        output_error("every user of this machine may read the file that %s_FILE names; remove that right",
                     config->exposed[i]);
    }
    if (call->token_in_argv) {
        output_error("a token in an argument is visible to other users of this machine and stays in the "
                     "shell's history; "
                     "it is safer to give - instead, and the token on standard input");
    }
    enum command_exit outcome = call->command->run(call);
    config_free(config);
    return outcome;
}

static enum command_exit
run_command(const struct command *command, int count, char **words)
{
    struct command_call call;
    char error[256];
    if (command_read(command, count, words, &call, error, sizeof(error)) < 0) {
        output_error("%s", error);
        fputs("usage: ", stderr);
        command_print_synopsis(stderr, command);
        return COMMAND_MISUSED;
    }
    enum command_exit outcome = COMMAND_DONE;
    if (call.help) {
        command_print_help(stdout, command);
        print_shared_help();
    } else {
        outcome = run_configured(&call);
    }
    command_forget(&call);
    return outcome;
}

/* Whether all output was written. A reader that has closed its pipe, such as head, wants no more and no
 * message: the program ends by the signal, as other programs do. */
static bool
output_is_whole(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return true;
    }
    int error = errno; /* of an earlier write, perhaps */
    struct pollfd out = { .fd = STDOUT_FILENO };
    if (poll(&out, 1, 0) > 0 && out.revents & POLLERR) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    errno = error;
    output_error("cannot write to standard output: %s", strerror(errno));
    return false;
}

int
main(int argc, char **argv)
{
    if (service_harden() < 0) {
        output_error("cannot set the process's limits: %s", strerror(errno));
        return COMMAND_FAILED;
    }
    secret_setup();
    int taken;
    const struct command *command = find_command(argc - 1, argv + 1, &taken);
    enum command_exit outcome = command ? run_command(command, argc - 1 - taken, argv + 1 + taken)
                                        : run_without_command(argc - 1, argv + 1);
    if (outcome == COMMAND_DONE && !output_is_whole()) {
        outcome = COMMAND_FAILED;
    }
    return (int)outcome;
}
