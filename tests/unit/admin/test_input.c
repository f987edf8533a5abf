#include "admin/input.h"
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#define PROMPT "Password: "

/* A pipe that holds the bytes and has ended. */
static int
pipe_with(const char *bytes, size_t length)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, length), (ssize_t)length);
    close(ends[1]);
    return ends[0];
}

static void
line_is_read_and_no_more(void **state)
{
    (void)state;
    struct input_secret secret;
    const char *error = NULL;
    int descriptor = pipe_with("first\r\n second \nlast", 20);
    assert_int_equal(input_line(descriptor, &secret, &error), 0);
    assert_string_equal(secret.bytes, "first");
    assert_int_equal(secret.length, 5);
    assert_int_equal(input_line(descriptor, &secret, &error), 0);
    assert_string_equal(secret.bytes, " second ");
    assert_int_equal(input_line(descriptor, &secret, &error), 0);
    assert_string_equal(secret.bytes, "last");
    assert_int_equal(input_line(descriptor, &secret, &error), -1);
    assert_non_null(strstr(error, "ended"));
    close(descriptor);
}

static void
empty_line_is_a_line(void **state)
{
    (void)state;
    struct input_secret secret;
    const char *error = NULL;
    int descriptor = pipe_with("\n", 1);
    assert_int_equal(input_line(descriptor, &secret, &error), 0);
    assert_int_equal(secret.length, 0);
    close(descriptor);
}

static void
refuse(const char *bytes, size_t length, const char *word)
{
    struct input_secret secret = { .bytes = "kept", .length = 4 };
    const char *error = NULL;
    int descriptor = pipe_with(bytes, length);
    assert_int_equal(input_line(descriptor, &secret, &error), -1);
    assert_non_null(strstr(error, word));
    assert_string_equal(secret.bytes, "kept");
    close(descriptor);
}

static void
limits_hold(void **state)
{
    (void)state;
    struct input_secret secret;
    const char *error = NULL;
    char line[INPUT_SECRET_MAX + 2];
    memset(line, 'x', sizeof(line));
    line[INPUT_SECRET_MAX] = '\n';
    int descriptor = pipe_with(line, sizeof(line));
    assert_int_equal(input_line(descriptor, &secret, &error), 0);
    assert_int_equal(secret.length, INPUT_SECRET_MAX);
    close(descriptor);
    memset(line, 'x', sizeof(line));
    refuse(line, sizeof(line), "too long");
    refuse("a\0b\n", 4, "NUL");
    refuse("", 0, "ended");
}

static bool
echoes(int terminal)
{
    struct termios settings;
    assert_int_equal(tcgetattr(terminal, &settings), 0);
    return settings.c_lflag & ECHO;
}

struct dialog {
    int master;
    pid_t child;
};

/* In the child: asks on its controlling terminal; the exit status tells what came of it. */
static _Noreturn void
be_asked(void)
{
    struct input_secret secret;
    const char *error;
    int outcome = input_terminal(STDIN_FILENO, PROMPT, &secret, &error);
    _exit(outcome == 0 && strcmp(secret.bytes, "open sesame") == 0 ? 0 : 1);
}

static void
read_until(int master, const char *wanted, char *ret_seen, size_t size)
{
    size_t length = 0;
    while (!memmem(ret_seen, length, wanted, strlen(wanted))) {
        struct pollfd waiting = { .fd = master, .events = POLLIN };
        assert_int_equal(poll(&waiting, 1, 10000), 1);
        ssize_t got = read(master, ret_seen + length, size - 1 - length);
        assert_true(got > 0);
        length += (size_t)got;
    }
    ret_seen[length] = '\0';
}

static struct dialog
open_dialog(void)
{
    struct dialog dialog;
    dialog.child = forkpty(&dialog.master, NULL, NULL, NULL);
    assert_true(dialog.child >= 0);
    if (dialog.child == 0) {
        be_asked();
    }
    char seen[256] = "";
    read_until(dialog.master, PROMPT, seen, sizeof(seen));
    return dialog;
}

static void
terminal_does_not_echo(void **state)
{
    (void)state;
    struct dialog dialog = open_dialog();
    assert_false(echoes(dialog.master));
    assert_int_equal(write(dialog.master, "open sesame\n", 12), 12);
    char seen[256] = "";
    read_until(dialog.master, "\n", seen, sizeof(seen));
    assert_null(strstr(seen, "sesame"));
    int status;
    assert_int_equal(waitpid(dialog.child, &status, 0), dialog.child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(dialog.master);
}

static void
interrupt_finds_the_terminal_as_it_was(void **state)
{
    (void)state;
    struct dialog dialog = open_dialog();
    int terminal = open(ptsname(dialog.master), O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    assert_false(echoes(terminal));
    assert_int_equal(write(dialog.master, "half\x03", 5), 5); /* Ctrl-C */
    int status;
    assert_int_equal(waitpid(dialog.child, &status, 0), dialog.child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
    assert_true(echoes(terminal));
    close(terminal);
    close(dialog.master);
}

static void
pipe_is_no_terminal(void **state)
{
    (void)state;
    struct input_secret secret;
    const char *error = NULL;
    int descriptor = pipe_with("x\n", 2);
    assert_int_equal(input_terminal(descriptor, PROMPT, &secret, &error), -1);
    assert_non_null(strstr(error, "terminal"));
    close(descriptor);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_is_read_and_no_more),
        cmocka_unit_test(empty_line_is_a_line),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(terminal_does_not_echo),
        cmocka_unit_test(interrupt_finds_the_terminal_as_it_was),
        cmocka_unit_test(pipe_is_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
