#include "common/program.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int
serve_well(const struct config *config)
{
    printf("serves %s\n", config->database_url);
    return 0;
}

static int
serve_badly(const struct config *config)
{
    (void)config;
    return -1;
}

static int
print_colour(const struct program *program)
{
    printf("%s is blue\n", program->name);
    return 0;
}

static const char *
health_addresses(const struct config *config)
{
    return config->metrics_listen;
}

static const struct program_option options[] = {
    PROGRAM_OPTIONS,
    { "--colour", "the colour", print_colour },
    { NULL, NULL, NULL },
};

static struct program program = {
    .name = "testkase-thing",
    .config = CONFIG_WORKER,
    .summary = "Does things.",
    .options = options,
    .health_addresses = health_addresses,
    .serve = serve_well,
};

static struct {
    int status;
    char out[8192], err[2048];
} done;

static void
read_all(int fd, char *ret_text, size_t size)
{
    size_t length = 0;
    ssize_t count;
    while ((count = read(fd, ret_text + length, size - 1 - length)) > 0) {
        length += (size_t)count;
    }
    ret_text[length] = '\0';
    close(fd);
}

/* Runs program_main() in a child, with up to two arguments and a database URL; fills `done`. */
static void
run(const char *url, const char *first, const char *second)
{
    int out[2], err[2];
    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(err), 0);
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char *argv[] = { (char *)(uintptr_t) "thing", (char *)(uintptr_t)first, (char *)(uintptr_t)second,
                         NULL };
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        close(out[0]);
        close(err[0]);
        setenv("TESTKASE_DATABASE_URL", url, 1);
        int status = program_main(&program, 1 + (first != NULL) + (second != NULL), argv);
        fflush(stdout);
        _exit(status);
    }
    close(out[1]);
    close(err[1]);
    read_all(out[0], done.out, sizeof(done.out));
    read_all(err[0], done.err, sizeof(done.err));
    assert_int_equal(waitpid(child, &done.status, 0), child);
    assert_true(WIFEXITED(done.status));
    done.status = WEXITSTATUS(done.status);
}

#define GOOD_URL "postgresql://somewhere/x"

static void
test_without_an_option_it_serves(void **state)
{
    (void)state;
    run(GOOD_URL, NULL, NULL);
    assert_int_equal(done.status, 0);
    assert_string_equal(done.out, "serves " GOOD_URL "\n");
    program.serve = serve_badly;
    run(GOOD_URL, NULL, NULL);
    program.serve = serve_well;
    assert_int_equal(done.status, 1);
}

static void
test_a_bad_configuration_does_not_serve(void **state)
{
    (void)state;
    static const char *const arguments[] = { NULL, "--check-config" };
    for (size_t i = 0; i < 2; i++) {
        run("postgresql://user:hunter2@@host:port/x", arguments[i], NULL);
        assert_int_equal(done.status, 1);
        assert_string_equal(done.out, "");
        assert_non_null(strstr(done.err, "program=testkase-thing msg=\"bad configuration\""));
        assert_null(strstr(done.err, "hunter2"));
    }
}

static void
test_the_options_of_every_program(void **state)
{
    (void)state;
    run(GOOD_URL, "--version", NULL);
    assert_int_equal(done.status, 0);
    assert_string_equal(done.out, "testkase-thing " TESTKASE_VERSION "\n");
    run(GOOD_URL, "--check-config", NULL);
    assert_int_equal(done.status, 0);
    assert_string_equal(done.out, "testkase-thing: the configuration is valid\n");
}

static void
test_the_health_of_what_does_not_run(void **state)
{
    (void)state;
    run(GOOD_URL, "--health", NULL);
    assert_int_equal(done.status, 1);
    assert_string_equal(done.err, "testkase-thing: not ready: set TESTKASE_METRICS_LISTEN: the program "
                                  "answers there\n");
    setenv("TESTKASE_METRICS_LISTEN", "127.0.0.1:1", 1);
    run(GOOD_URL, "--health", NULL);
    unsetenv("TESTKASE_METRICS_LISTEN");
    assert_int_equal(done.status, 1);
    assert_string_equal(done.out, "");
    assert_string_equal(done.err, "testkase-thing: not ready: cannot connect to 127.0.0.1:1: Connection "
                                  "refused\n");
}

static void
test_a_row_is_an_option(void **state)
{
    (void)state;
    run(GOOD_URL, "--colour", NULL);
    assert_int_equal(done.status, 0);
    assert_string_equal(done.out, "testkase-thing is blue\n");
}

static void
test_the_help_is_made_from_the_table(void **state)
{
    (void)state;
    run(GOOD_URL, "--help", NULL);
    assert_int_equal(done.status, 0);
    assert_string_equal(done.err, "");
    static const char start[] =
        "Usage: testkase-thing [--help | --version | --check-config | --health | "
        "--environment-file | --colour]\n\n"
        "Does things.\n\n"
        "  --help              this text\n"
        "  --version           the version\n"
        "  --check-config      check the configuration and exit\n"
        "  --health            ask the program that runs here whether it is ready, and exit\n"
        "  --environment-file  print all variables as a file for systemd\n"
        "  --colour            the colour\n\n"
        "Environment:\n";
    assert_memory_equal(done.out, start, sizeof(start) - 1);
    assert_non_null(strstr(done.out, "TESTKASE_DATABASE_URL"));
    program.notes = "A note.";
    run(GOOD_URL, "--help", NULL);
    program.notes = NULL;
    assert_non_null(strstr(done.out, "the colour\n\nA note.\n\nEnvironment:\n"));
}

static void
test_the_environment_file_names_every_variable(void **state)
{
    (void)state;
    run(GOOD_URL, "--environment-file", NULL);
    assert_int_equal(done.status, 0);
    assert_string_equal(done.err, "");
    assert_non_null(strstr(done.out, "Settings of testkase-thing"));
    assert_non_null(strstr(done.out, "\n#TESTKASE_DATABASE_URL=postgresql:///testkase\n"));
    assert_null(strstr(done.out, GOOD_URL));
}

static void
test_a_wrong_command_line_says_so_in_one_line(void **state)
{
    (void)state;
    run(GOOD_URL, "--nonsense", NULL);
    assert_int_equal(done.status, 2);
    assert_string_equal(done.out, "");
    assert_string_equal(done.err, "testkase-thing: unknown option --nonsense; see testkase-thing --help\n");
    run(GOOD_URL, "--version", "--help");
    assert_int_equal(done.status, 2);
    assert_string_equal(done.out, "");
    assert_string_equal(done.err, "testkase-thing: give one option at most; see testkase-thing --help\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_an_option_it_serves),
        cmocka_unit_test(test_a_bad_configuration_does_not_serve),
        cmocka_unit_test(test_the_options_of_every_program),
        cmocka_unit_test(test_the_health_of_what_does_not_run),
        cmocka_unit_test(test_a_row_is_an_option),
        cmocka_unit_test(test_the_help_is_made_from_the_table),
        cmocka_unit_test(test_the_environment_file_names_every_variable),
        cmocka_unit_test(test_a_wrong_command_line_says_so_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
