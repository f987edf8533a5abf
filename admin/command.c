#include "admin/command.h"
#include "common/memory.h"
#include "common/secret.h"
#include <stdlib.h>
#include <string.h>

int
command_match(const struct command *command, int count, char **words)
{
    const char *rest = command->name;
    int taken = 0;
    while (*rest) {
        size_t length = strcspn(rest, " ");
        if (taken == count || strlen(words[taken]) != length || strncmp(words[taken], rest, length) != 0) {
            return 0;
        }
        rest += length + (rest[length] == ' ');
        taken++;
    }
    return taken;
}

static bool
is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

static int
read_argument(struct command_call *call, size_t position, char *word)
{
    if (position >= COMMAND_ARGUMENTS_MAX || !call->command->arguments[position].name) {
        return -1;
    }
    call->arguments[position] = word;
    if (call->command->arguments[position].may_be_token && strcmp(word, "-") != 0 && !is_number(word)) {
        call->hidden[position] = memory_duplicate(word);
        call->arguments[position] = call->hidden[position];
        call->token_in_argv = true;
        secret_wipe(word, strlen(word));
    }
    return 0;
}

/* The index of the option that `word` names (without its dashes), or -1. */
static int
find_option(const struct command *command, const char *word)
{
    size_t length = strcspn(word, "=");
    for (int i = 0; command->options[i].name; i++) {
        if (strlen(command->options[i].name) == length &&
            strncmp(command->options[i].name, word, length) == 0) {
            return i;
        }
    }
    return -1;
}

/* Reads the option at words[0], and its value, which may be in words[1]. Returns how many words it took, or
 * -1. */
static int
read_option(struct command_call *call, int count, char **words, char *ret_error, size_t error_size)
{
    int index = find_option(call->command, words[0] + 2);
    if (index < 0) {
        /* Leaves its value out, which may be a secret. */
        snprintf(ret_error, error_size, "there is no option %.*s", (int)strcspn(words[0], "="), words[0]);
        return -1;
    }
    const struct command_option *option = &call->command->options[index];
    const char *equals = strchr(words[0], '=');
    int taken = 1;
    if (call->values[index]) {
        snprintf(ret_error, error_size, "--%s is given twice", option->name);
        return -1;
    }
    if (!option->value && equals) {
        snprintf(ret_error, error_size, "--%s takes no value", option->name);
        return -1;
    }
    if (option->value && !equals && count < 2) {
        snprintf(ret_error, error_size, "--%s needs a value: %s", option->name, option->value);
        return -1;
    }
    if (!option->value) {
        call->values[index] = "";
    } else if (equals) {
        call->values[index] = equals + 1;
    } else {
        call->values[index] = words[1];
        taken = 2;
    }
    return taken;
}

static int
check_complete(const struct command_call *call, char *ret_error, size_t error_size)
{
    for (int i = 0; call->command->arguments[i].name; i++) {
        if (!call->arguments[i]) {
            snprintf(ret_error, error_size, "%s is missing", call->command->arguments[i].name);
            return -1;
        }
    }
    for (int i = 0; call->command->options[i].name; i++) {
        if (call->command->options[i].required && !call->values[i]) {
            snprintf(ret_error, error_size, "--%s %s is missing", call->command->options[i].name,
                     call->command->options[i].value);
            return -1;
        }
    }
    return 0;
}

/* --json and --help, which all subcommands take. */
static bool
read_shared_option(struct command_call *call, const char *word)
{
    if (strcmp(word, "--json") == 0) {
        call->json = true;
        return true;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        call->help = true;
        return true;
    }
    return false;
}

static int
read_words(struct command_call *call, int count, char **words, char *ret_error, size_t error_size)
{
    size_t position = 0;
    bool options_end = false;
    for (int i = 0; i < count && !call->help;) {
        if (!options_end && strcmp(words[i], "--") == 0) {
            options_end = true;
            i++;
        } else if (!options_end && read_shared_option(call, words[i])) {
            i++;
        } else if (!options_end && strncmp(words[i], "--", 2) == 0) {
            int taken = read_option(call, count - i, words + i, ret_error, error_size);
            if (taken < 0) {
                return -1;
            }
            i += taken;
        } else if (read_argument(call, position++, words[i++]) < 0) {
            /* Does not quote the argument, which may be part of a secret. */
            snprintf(ret_error, error_size, "there are too many arguments");
            return -1;
        }
    }
    return call->help ? 0 : check_complete(call, ret_error, error_size);
}

int
command_read(const struct command *command, int count, char **words, struct command_call *ret_call,
             char *ret_error, size_t error_size)
{
    struct command_call call = { .command = command };
    if (read_words(&call, count, words, ret_error, error_size) < 0) {
        command_forget(&call);
        return -1;
    }
    *ret_call = call;
    return 0;
}

void
command_forget(struct command_call *call)
{
    for (int i = 0; i < COMMAND_ARGUMENTS_MAX; i++) {
        if (call->hidden[i]) {
            secret_wipe(call->hidden[i], strlen(call->hidden[i]));
            free(call->hidden[i]);
            call->hidden[i] = NULL;
        }
    }
}

const char *
command_value(const struct command_call *call, const char *option)
{
    int index = find_option(call->command, option);
    return index < 0 ? NULL : call->values[index];
}

void
command_print_synopsis(FILE *out, const struct command *command)
{
    fprintf(out, "testkase-admin %s", command->name);
    for (int i = 0; command->arguments[i].name; i++) {
        fprintf(out, " %s", command->arguments[i].name);
    }
    for (int i = 0; command->options[i].name; i++) {
        const struct command_option *option = &command->options[i];
        fprintf(out, option->required ? " --%s%s%s" : " [--%s%s%s]", option->name, option->value ? " " : "",
                option->value ? option->value : "");
    }
    fputs(" [--json]\n", out);
}

void
command_print_indented(FILE *out, const char *text, int indent)
{
    while (*text) {
        int length = (int)strcspn(text, "\n");
        fprintf(out, "%*s%.*s\n", length > 0 ? indent : 0, "", length, text);
        text += length + (text[length] == '\n');
    }
}

static void
print_term(FILE *out, const char *dashes, const char *name, const char *value, const char *meaning)
{
    fprintf(out, "    %s%s%s%s\n", dashes, name, value ? " " : "", value ? value : "");
    command_print_indented(out, meaning, 8);
}

void
command_print_help(FILE *out, const struct command *command)
{
    fprintf(out, "NAME\n    testkase-admin %s - %s\n\nSYNOPSIS\n    ", command->name, command->summary);
    command_print_synopsis(out, command);
    fputs("\nDESCRIPTION\n", out);
    command_print_indented(out, command->description, 4);
    if (command->arguments[0].name) {
        fputs("\nARGUMENTS\n", out);
    }
    for (int i = 0; command->arguments[i].name; i++) {
        print_term(out, "", command->arguments[i].name, NULL, command->arguments[i].meaning);
    }
    fputs("\nOPTIONS\n", out);
    for (int i = 0; command->options[i].name; i++) {
        const struct command_option *option = &command->options[i];
        print_term(out, "--", option->name, option->value, option->meaning);
    }
    print_term(out, "--", "json", NULL, "Print the outcome as one JSON document.");
    print_term(out, "--", "help", NULL, "Print this and exit.");
    fputs("\nEXAMPLES\n", out);
    command_print_indented(out, command->examples, 4);
}
