#include "reporter/options.h"
#include "common/memory.h"
#include "common/secret.h"
#include "common/text.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum type { TYPE_FLAG, TYPE_TEXT, TYPE_SECRET, TYPE_FILES, TYPE_NUMBER, TYPE_CHOICE, TYPE_NUMBERED };

#define ALL        (OPTIONS_REPORT | OPTIONS_RESUME | OPTIONS_DOCTOR | OPTIONS_ROTATE)
#define REPORT     OPTIONS_REPORT
#define SENDS      (OPTIONS_REPORT | OPTIONS_RESUME)
#define AT(member) offsetof(struct options, member)

struct option {
    const char *name, *value; /* the value's name in the help; NULL: a flag */
    int commands;
    enum type type;
    size_t at;
    const char *allowed; /* choices "a|b", range "1-10", or prefix "PRJ-" */
    const char *usual;   /* the default */
    int required;        /* by these commands */
    const char *meaning;
};

/* clang-format off */
static const struct option table[] = {
    { "allow-empty", NULL, REPORT, TYPE_FLAG, AT(allow_empty), NULL, NULL, 0,
      "A pattern that matches no file is no error." },
    { "build-id", "ID", REPORT, TYPE_TEXT, AT(build_id), NULL, NULL, 0,
      "The build. By default it is read from the variables of the CI system." },
    { "cacert", "FILE", ALL, TYPE_TEXT, AT(cacert), NULL, NULL, 0,
      "Certificates (PEM) to trust instead of the system's. CURL_CA_BUNDLE and SSL_CERT_FILE do the\n"
      "same." },
    { "cycle-id", "TCYCLE-N", REPORT, TYPE_NUMBERED, AT(cycle_id), TEXT_CYCLE_PREFIX, "TCYCLE-1", 0,
      "The test cycle that gets the results." },
    { "delete-old", NULL, OPTIONS_ROTATE, TYPE_FLAG, AT(delete_old), NULL, NULL, 0,
      "End the old token, once the new one was handed over and has proven to work." },
    { "dry-run", NULL, REPORT, TYPE_FLAG, AT(dry_run), NULL, NULL, 0,
      "Read the files, list what would be reported, and report nothing. With a token and an address, the\n"
      "server is asked which ids it knows; without a token nothing is sent." },
    { "duplicates", "RULE", REPORT, TYPE_CHOICE, AT(duplicates), "last|worst", "last", 0,
      "Which one counts of equal tests of one file that no producer marked as attempts." },
    { "exec", "COMMAND", OPTIONS_ROTATE, TYPE_TEXT, AT(exec), NULL, NULL, OPTIONS_ROTATE,
      "The shell's command that stores the new token, which it gets on standard input, such as\n"
      "'gh secret set TESTKASE_PAT'. Its failure ends the new token." },
    { "fail-on-empty", NULL, REPORT, TYPE_FLAG, AT(fail_on_empty), NULL, NULL, 0,
      "Exit with 3 when no file holds a test." },
    { "format", "FORMAT", REPORT, TYPE_CHOICE, AT(format),
      "auto|junit|playwright|cypress|testng|nunit|cucumber", "auto", 0,
      "The format of the files; auto looks at each file's content." },
    { "help", NULL, ALL, TYPE_FLAG, AT(help), NULL, NULL, 0, "This text." },
    { "if-due", NULL, OPTIONS_ROTATE, TYPE_FLAG, AT(if_due), NULL, NULL, 0,
      "Do nothing while the token is not due for rotation." },
    { "json", NULL, SENDS, TYPE_FLAG, AT(json), NULL, NULL, 0,
      "Write the outcome to standard output as one JSON document." },
    { "keep-going", NULL, REPORT, TYPE_FLAG, AT(keep_going), NULL, NULL, 0,
      "Report the good files when others cannot be read, and exit with 5." },
    { "missing-id-in-testcase", "RULE", REPORT, TYPE_CHOICE, AT(missing_id), "warn|fail", "warn", 0,
      "Tests without an automation id are counted and named; fail makes the exit status 5." },
    { "org-id", "N", REPORT | OPTIONS_DOCTOR, TYPE_NUMBER, AT(org_id), "1-2147483647", NULL, REPORT,
      "The organization." },
    { "project-id", "PRJ-N", REPORT | OPTIONS_DOCTOR, TYPE_NUMBERED, AT(project_id), TEXT_PROJECT_PREFIX, NULL,
      REPORT,
      "The project." },
    { "quiet", NULL, ALL, TYPE_FLAG, AT(quiet), NULL, NULL, 0,
      "Only warnings, errors and the last line." },
    { "report-skipped-as", "STATUS", REPORT, TYPE_CHOICE, AT(skipped_as),
      "blocked|ignore|skipped", "skipped", 0,
      "What skipped, disabled and pending tests are reported as; ignore does not report them." },
    { "results-file", "PATH...", REPORT, TYPE_FILES, AT(files), NULL, NULL, REPORT,
      "Files, patterns with *, ?, [...] and **, or - for standard input. Quote patterns, so that the\n"
      "shell leaves them alone. May be given several times." },
    { "retries", "N", SENDS, TYPE_NUMBER, AT(retries), "0-100", "5", 0,
      "How often a request is sent again when the server does not answer, or with 408, 425, 429 or 5xx." },
    { "six-digit-ids", NULL, REPORT, TYPE_FLAG, AT(six_digit_ids), NULL, NULL, 0,
      "Six digits in brackets are an automation id, too. A project gives such ids after its first 90 000\n"
      "test cases." },
    { "spool-dir", "DIR", SENDS, TYPE_TEXT, AT(spool_dir), NULL, NULL, 0,
      "Where results are kept until the server has taken them, for `testkase-reporter resume`.\n"
      "Default: $XDG_STATE_HOME/testkase-reporter, or ~/.local/state/testkase-reporter." },
    { "summary-file", "FILE", REPORT, TYPE_TEXT, AT(summary_file), NULL, NULL, 0,
      "Append a summary in Markdown to this file. Default: $GITHUB_STEP_SUMMARY, if it is set." },
    { "timeout", "SECONDS", SENDS | OPTIONS_DOCTOR, TYPE_NUMBER, AT(timeout_s), "1-86400", "300", 0,
      "For all requests and waits together." },
    { "token", "TOKEN", ALL, TYPE_SECRET, AT(token), NULL, NULL, 0,
      "The token. Other users of the machine may see it for a moment, and it stays in the shell's\n"
      "history: better set TESTKASE_PAT, or use --token-file." },
    { "token-file", "FILE", ALL, TYPE_TEXT, AT(token_file), NULL, NULL, 0,
      "A file whose first line is the token; - reads standard input." },
    { "url", "URL", ALL, TYPE_TEXT, AT(url), NULL, NULL, 0,
      "The address of the service, such as https://testkase.example.com or .../qa/testkase.\n"
      "Default: $TESTKASE_URL." },
    { "verbose", NULL, SENDS | OPTIONS_DOCTOR, TYPE_FLAG, AT(verbose), NULL, NULL, 0,
      "Also list every test that has no id, is flaky, or occurs several times." },
};
/* clang-format on */

#define QUOTED_MAX  24
#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

static void
set_text(struct options *options, const struct option *option, const char *text)
{
    memcpy((char *)options + option->at, (const void *)&text, sizeof(text));
}

__attribute__((format(printf, 3, 4))) static int
fail(char *ret_error, size_t size, const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    vsnprintf(ret_error, size, form, arguments);
    va_end(arguments);
    return -1;
}

static const struct option *
find(int command, const char *name, size_t length)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if ((table[i].commands & command) && strlen(table[i].name) == length &&
            strncmp(table[i].name, name, length) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static int
take_number(struct options *options, const struct option *option, const char *text)
{
    int64_t number, least = strtoll(option->allowed, NULL, 10);
    int64_t most = strtoll(strchr(option->allowed, '-') + 1, NULL, 10);
    if (!text_to_id(text, strlen(text), &number) || number < least || number > most) {
        return -1;
    }
    memcpy((char *)options + option->at, &number, sizeof(number));
    return 0;
}

/* Stores a value; -1 when it is none for this option. */
static int
take_value(struct options *options, const struct option *option, char *text)
{
    int64_t number;
    switch (option->type) {
    case TYPE_FILES:
        options->files = memory_resize(options->files, options->file_count + 1, sizeof(*options->files));
        options->files[options->file_count++] = text;
        return *text ? 0 : -1;
    case TYPE_SECRET:
        free(options->token);
        options->token = memory_duplicate(text);
        secret_wipe(text, strlen(text));
        return 0;
    case TYPE_NUMBER:
        return take_number(options, option, text);
    case TYPE_CHOICE:
        set_text(options, option, text);
        return text_is_choice(text, option->allowed) ? 0 : -1;
    case TYPE_NUMBERED:
        set_text(options, option, text);
        return text_to_numbered(text, strlen(text), option->allowed, &number) ? 0 : -1;
    default:
        set_text(options, option, text);
        return *text ? 0 : -1;
    }
}

static void
describe_refusal(const struct option *option, char *ret_error, size_t size)
{
    char choices[128];
    switch (option->type) {
    case TYPE_NUMBER:
        fail(ret_error, size, "--%s must be a number in %s", option->name, option->allowed);
        break;
    case TYPE_CHOICE:
        text_choices_refusal("must be ", option->allowed, choices, sizeof(choices));
        fail(ret_error, size, "--%s %s", option->name, choices);
        break;
    case TYPE_NUMBERED:
        fail(ret_error, size, "--%s must be %s with a number behind it", option->name, option->allowed);
        break;
    default:
        fail(ret_error, size, "--%s must not be empty", option->name);
    }
}

/* Takes the option at words[0]; returns how many words that were, or -1. */
static int
take_option(int command, int count, char **words, struct options *options, char *ret_error, size_t size)
{
    char *name = words[0] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct option *option = find(command, name, length);
    if (!option) {
        /* Quotes only what cannot be a pasted token. */
        bool is_harmless = length <= QUOTED_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz-") == length;
        return fail(ret_error, size, "there is no such option%s%.*s: see --help", is_harmless ? ": --" : "",
                    is_harmless ? (int)length : 0, name);
    }
    if (option->type == TYPE_FLAG) {
        bool truth = true;
        memcpy((char *)options + option->at, &truth, sizeof(truth));
        return equals ? fail(ret_error, size, "--%s takes no value", option->name) : 1;
    }
    if (!equals && count < 2) {
        return fail(ret_error, size, "--%s needs a value: %s", option->name, option->value);
    }
    if (take_value(options, option, equals ? equals + 1 : words[1]) < 0) {
        describe_refusal(option, ret_error, size);
        return -1;
    }
    return equals ? 1 : 2;
}

static void
set_defaults(int command, struct options *options)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (!(table[i].commands & command) || !table[i].usual) {
            continue;
        }
        if (table[i].type == TYPE_NUMBER) {
            take_number(options, &table[i], table[i].usual);
        } else {
            set_text(options, &table[i], table[i].usual);
        }
    }
    const char *url = getenv("TESTKASE_URL");
    options->url = url && *url ? url : NULL;
}

static int
check_required(int command, const struct options *options, char *ret_error, size_t size)
{
    static const char zero[sizeof(int64_t)] = { 0 };
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        size_t width = table[i].type == TYPE_NUMBER ? sizeof(int64_t) : sizeof(char *);
        if ((table[i].required & command) && memcmp((const char *)options + table[i].at, zero, width) == 0) {
            return fail(ret_error, size, "--%s %s is missing", table[i].name, table[i].value);
        }
    }
    if (!options->url && !options->dry_run) {
        return fail(ret_error, size,
                    "the address of the service is missing: set TESTKASE_URL, or give --url");
    }
    return 0;
}

int
options_read(int command, int count, char **words, struct options *ret_options, char *ret_error,
             size_t error_size)
{
    struct options options = { 0 };
    bool only_files = false;
    int result = 0;
    set_defaults(command, &options);
    for (int i = 0; i < count && result >= 0; i += result) {
        result = 1;
        if (!only_files && strcmp(words[i], "--") == 0) {
            only_files = true;
        } else if (!only_files && strncmp(words[i], "--", 2) == 0) {
            result = take_option(command, count - i, words + i, &options, ret_error, error_size);
        } else if (!only_files && strcmp(words[i], "-h") == 0) {
            options.help = true;
        } else if (command == OPTIONS_REPORT) {
            take_value(&options, find(command, "results-file", 12), words[i]);
        } else {
            result = fail(ret_error, error_size, "this subcommand takes only options: see --help");
        }
    }
    if (result >= 0 && !options.help) {
        result = check_required(command, &options, ret_error, error_size);
    }
    if (result < 0) {
        /* A token behind the mistake is wiped, too. */
        for (int i = 0; i < count; i++) {
            if (strcmp(words[i], "--token") == 0 && i + 1 < count) {
                secret_wipe(words[i + 1], strlen(words[i + 1]));
            } else if (strncmp(words[i], "--token=", 8) == 0) {
                secret_wipe(words[i] + 8, strlen(words[i] + 8));
            }
        }
        options_free(&options);
        return -1;
    }
    *ret_options = options;
    return 0;
}

void
options_free(struct options *options)
{
    if (options->token) {
        secret_wipe(options->token, strlen(options->token));
    }
    free(options->token);
    free(options->files);
    *options = (struct options){ 0 };
}

static void
print_indented(FILE *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        fprintf(out, "        %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

void
options_print_help(FILE *out, int command)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        const struct option *option = &table[i];
        if (!(option->commands & command)) {
            continue;
        }
        fprintf(out, "    --%s%s%s%s\n", option->name, option->value ? " " : "",
                option->value ? option->value : "", option->required & command ? "    (required)" : "");
        print_indented(out, option->meaning);
        if (option->type == TYPE_CHOICE) {
            fprintf(out, "        One of %s.\n", option->allowed);
        }
        if (option->usual) {
            fprintf(out, "        Default: %s\n", option->usual);
        }
    }
}
