/* What a subcommand of testkase-admin is, and how its part of the command line is read. Every subcommand also
 * takes --json and --help. */
#ifndef ADMIN_COMMAND_H
#define ADMIN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define COMMAND_ARGUMENTS_MAX 2
#define COMMAND_OPTIONS_MAX   6

struct config;
struct command_call;

/* Exit statuses of the program. */
enum command_exit {
    COMMAND_DONE = 0,
    COMMAND_FAILED = 1, /* refused, unhealthy, or PostgreSQL could not be asked */
    COMMAND_MISUSED = 2 /* wrong command line or configuration */
};

struct command_argument {
    const char *name; /* as the help shows it; NULL ends the list */
    const char *meaning;
    /* It may be a token: whatever is neither "-" nor a number is moved out of argv, where other users see it.
     */
    bool may_be_token;
};

struct command_option {
    const char *name;  /* without the two dashes; NULL ends the list */
    const char *value; /* what the help calls its value; NULL: it takes none */
    const char *meaning;
    bool required;
};

struct command {
    const char *name;        /* "migrate" or "org create"; NULL ends a table */
    const char *summary;     /* one line */
    const char *description; /* lines, without the indent */
    const char *examples;    /* lines, without the indent */
    struct command_argument arguments[COMMAND_ARGUMENTS_MAX + 1]; /* all are required */
    struct command_option options[COMMAND_OPTIONS_MAX + 1];
    /* Does the work, prints the outcome, and on failure one line with output_error(). */
    enum command_exit (*run)(const struct command_call *call);
};

struct command_call {
    const struct command *command;
    const struct config *config; /* set by the caller of command_read() */
    bool json;
    bool help;          /* --help was given; then nothing else is checked */
    bool token_in_argv; /* a token stood in argv; it was overwritten there */
    const char *arguments[COMMAND_ARGUMENTS_MAX];
    char *hidden[COMMAND_ARGUMENTS_MAX]; /* what was moved out of argv */
    const char *values[COMMAND_OPTIONS_MAX];
};

/* How many words of the command line the name of `command` takes when it begins with it, else 0. */
int command_match(const struct command *command, int count, char **words);

/* Reads the words after the name. Returns 0 and a call for command_forget(), or -1 and one line in
 * `ret_error`. */
int command_read(const struct command *command, int count, char **words, struct command_call *ret_call,
                 char *ret_error, size_t error_size);

/* Wipes and frees what command_read() moved out of argv. */
void command_forget(struct command_call *call);

/* The value of an option: NULL when it was not given, "" for one without a value. */
const char *command_value(const struct command_call *call, const char *option);

/* "testkase-admin user create EMAIL --org ID [--name NAME] …" */
void command_print_synopsis(FILE *out, const struct command *command);

/* The whole help but for what all subcommands share. */
void command_print_help(FILE *out, const struct command *command);

/* Prints `text` with every line indented by `indent` spaces and a line end behind. */
void command_print_indented(FILE *out, const char *text, int indent);

#endif
