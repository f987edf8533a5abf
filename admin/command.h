/* A subcommand of testkase-admin, and the reading of its arguments and options. Every subcommand also takes
 * --json and --help. */
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
    COMMAND_FAILED = 1, /* refused, unhealthy, or no answer from PostgreSQL */
    COMMAND_MISUSED = 2 /* wrong command line or configuration */
};

struct command_argument {
    const char *name; /* as the help shows it; NULL ends the list */
    const char *meaning;
    /* It may be a token: a value other than "-" or a number is moved out of argv, where other users can see
     * it. */
    bool may_be_token;
};

struct command_option {
    const char *name;  /* without the two dashes; NULL ends the list */
    const char *value; /* the name of its value in the help; NULL: it has no value */
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
    bool help;          /* --help was given; nothing else was checked */
    bool token_in_argv; /* a token stood in argv; it was overwritten there */
    const char *arguments[COMMAND_ARGUMENTS_MAX];
    char *hidden[COMMAND_ARGUMENTS_MAX]; /* values moved out of argv */
    const char *values[COMMAND_OPTIONS_MAX];
};

/* How many words the name of `command` takes if the command line begins with it, else 0. */
int command_match(const struct command *command, int count, char **words);

/* Reads the words after the name. Returns 0 and a call for command_forget(), or -1 and one line in
 * `ret_error`. */
int command_read(const struct command *command, int count, char **words, struct command_call *ret_call,
                 char *ret_error, size_t error_size);

/* Wipes and frees the values that command_read() moved out of argv. */
void command_forget(struct command_call *call);

/* The value of an option: NULL when it was not given, "" when it takes no value. */
const char *command_value(const struct command_call *call, const char *option);

/* "testkase-admin user create EMAIL --org ID [--name NAME] …" */
void command_print_synopsis(FILE *out, const struct command *command);

/* The help, without the sections that all subcommands share. */
void command_print_help(FILE *out, const struct command *command);

/* Prints the lines of `text`, each indented by `indent` spaces, and a line end. */
void command_print_indented(FILE *out, const char *text, int indent);

#endif
