/* testkase-reporter: reads the reports of test runs and sends their results to a TestKase service. */
#include "common/log.h"
#include "common/secret.h"
#include "reporter/console.h"
#include "reporter/doctor.h"
#include "reporter/options.h"
#include "reporter/outcome.h"
#include "reporter/report.h"
#include "reporter/resume.h"
#include "reporter/rotate.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const struct subcommand {
    const char *name;
    int bit;
    const char *summary;
    enum outcome (*run)(const struct options *options);
} subcommands[] = {
    { "report", OPTIONS_REPORT, "read report files, and send their results", report_run },
    { "resume", OPTIONS_RESUME, "send what earlier runs could not send", resume_run },
    { "doctor", OPTIONS_DOCTOR, "check address, token, project and clock, one line each", doctor_run },
    { "rotate", OPTIONS_ROTATE, "replace the token, and hand the new one to a command", rotate_run },
};

#define SUBCOMMAND_COUNT (sizeof(subcommands) / sizeof(subcommands[0]))

static const char description[] =
    "    Reads what test runners write (JUnit XML, Playwright, Cypress, TestNG, NUnit, Cucumber), finds the\n"
    "    automation ids in the names of the tests, such as [48271], and reports each id's result to a test\n"
    "    cycle. Ids also count in display names, properties, tags, class names and names of suites.\n"
    "\n"
    "    Attempts of one test become one result: the last one decides. Different tests with the same id\n"
    "    (parameters, browsers) become one result, too: the worst counts.\n"
    "\n"
    "    What is for people goes to standard error, and its last line says how the run ended. Standard\n"
    "    output has only what --json or --dry-run write.\n";

static const char environment[] =
    "    TESTKASE_PAT\n        The token.\n"
    "    TESTKASE_URL\n        The address of the service.\n"
    "    HTTPS_PROXY, ALL_PROXY, NO_PROXY, http_proxy\n        Proxies, as for curl; all also in lower "
    "case.\n"
    "    CURL_CA_BUNDLE, SSL_CERT_FILE\n        Certificates to trust instead of the system's.\n"
    "    GITHUB_STEP_SUMMARY\n        The file that gets the summary.\n"
    "    XDG_STATE_HOME, HOME\n        Where the spool is.\n"
    "    The variables of GitHub Actions, GitLab CI, Azure DevOps, CircleCI, TeamCity, Bitbucket, "
    "Buildkite,\n"
    "    Drone and Jenkins name the build, its branch, its commit and its address.\n";

static const char examples[] =
    "    testkase-reporter report --project-id PRJ-1 --org-id 1173 --format junit \\\n"
    "        --results-file 'target/surefire-reports/TEST-*.xml'\n"
    "    npx playwright test --reporter=json | \\\n"
    "        testkase-reporter report --project-id PRJ-1 --org-id 1173 --format playwright --results-file "
    "-\n";

static void
print_subcommands(FILE *out)
{
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        fprintf(out, "    %-8s %s\n", subcommands[i].name, subcommands[i].summary);
    }
}

static void
print_statuses(void)
{
    fputs("\nEXIT STATUS\n", stdout);
    for (int i = OUTCOME_REPORTED; i <= OUTCOME_PARTIAL; i++) {
        const char *text = outcome_meaning((enum outcome)i);
        printf("    %d   ", i);
        for (; *text; text++) {
            fputs(*text == '\n' ? "\n        " : (char[]){ *text, '\0' }, stdout);
        }
        putchar('\n');
    }
}

static void
print_help(void)
{
    fputs("NAME\n    testkase-reporter - report the results of test runs\n\nSYNOPSIS\n", stdout);
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        printf("    testkase-reporter %s [OPTION...]%s\n", subcommands[i].name,
               subcommands[i].bit == OPTIONS_REPORT ? " [FILE...]" : "");
    }
    fputs("    testkase-reporter [SUBCOMMAND] --help\n    testkase-reporter --version\n\nDESCRIPTION\n",
          stdout);
    fputs(description, stdout);
    fputs("\nSUBCOMMANDS\n", stdout);
    print_subcommands(stdout);
    print_statuses();
    fputs("\nENVIRONMENT\n", stdout);
    fputs(environment, stdout);
    fputs("\nEXAMPLES\n", stdout);
    fputs(examples, stdout);
}

static void
print_subcommand_help(const struct subcommand *subcommand)
{
    printf("NAME\n    testkase-reporter %s - %s\n\nOPTIONS\n", subcommand->name, subcommand->summary);
    options_print_help(stdout, subcommand->bit);
    print_statuses();
    fputs("\nENVIRONMENT\n", stdout);
    fputs(environment, stdout);
}

static enum outcome
run_subcommand(const struct subcommand *subcommand, int count, char **words)
{
    struct console console = { .quiet = false };
    struct options options;
    char error[256];
    enum outcome outcome = OUTCOME_REPORTED;
    if (options_read(subcommand->bit, count, words, &options, error, sizeof(error)) < 0) {
        console_last(&console, "%s", error);
        return OUTCOME_MISUSED;
    }
    if (options.help) {
        print_subcommand_help(subcommand);
    } else {
        outcome = subcommand->run(&options);
    }
    options_free(&options);
    return outcome;
}

static enum outcome
run(int count, char **words)
{
    const char *first = count > 0 ? words[0] : "";
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
        if (strcmp(first, subcommands[i].name) == 0) {
            return run_subcommand(&subcommands[i], count - 1, words + 1);
        }
    }
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
        print_help();
        return OUTCOME_REPORTED;
    }
    if (strcmp(first, "--version") == 0) {
        puts("testkase-reporter " TESTKASE_VERSION);
        return OUTCOME_REPORTED;
    }
    fputs("testkase-reporter: give a subcommand first:\n", stderr);
    print_subcommands(stderr);
    return OUTCOME_MISUSED;
}

/* Memory holds a token: no core dumps, no other process of the user may look into it. Where the kernel
 * forbids that, as in some containers, the reporter works all the same. */
static void
harden(void)
{
    const struct rlimit none = { 0, 0 };
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
    umask(077);
    signal(SIGPIPE, SIG_IGN);
}

int
main(int argc, char **argv)
{
    harden();
    log_setup("testkase-reporter", LOG_LEVEL_WARNING, LOG_FORMAT_TEXT); /* when memory runs out */
    secret_setup();
    enum outcome outcome = run(argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("testkase-reporter: cannot write to standard output\n", stderr);
        outcome = outcome == OUTCOME_REPORTED ? OUTCOME_PARTIAL : outcome;
    }
    return (int)outcome;
}
