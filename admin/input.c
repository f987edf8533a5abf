#include "admin/input.h"
#include "common/secret.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* Reads one byte. Returns 1, 0 at the end, or -1. */
static ssize_t
read_byte(int descriptor, char *ret_byte)
{
    ssize_t got;
    do {
        got = read(descriptor, ret_byte, 1);
    } while (got < 0 && errno == EINTR);
    return got;
}

static const char *
read_line(int descriptor, struct input_secret *secret)
{
    ssize_t got;
    char byte;
    while ((got = read_byte(descriptor, &byte)) == 1 && byte != '\n') {
        if (byte == '\0') {
            return "the line contains a NUL byte";
        }
        if (secret->length == INPUT_SECRET_MAX) {
            return "the line is too long";
        }
        secret->bytes[secret->length++] = byte;
    }
    if (got < 0) {
        return "standard input cannot be read";
    }
    if (got == 0 && secret->length == 0) {
        return "standard input ended without a line";
    }
    if (got == 1 && secret->length > 0 && secret->bytes[secret->length - 1] == '\r') {
        secret->length--;
    }
    secret->bytes[secret->length] = '\0';
    return NULL;
}

int
input_line(int descriptor, struct input_secret *ret_secret, const char **ret_error)
{
    struct input_secret secret = { .length = 0 };
    const char *error = read_line(descriptor, &secret);
    if (error) {
        *ret_error = error;
    } else {
        *ret_secret = secret;
    }
    input_wipe(&secret);
    return error ? -1 : 0;
}

/* Waits until the terminal has a line; false when a signal has come, which stays pending. */
static bool
wait_for_line(int terminal, const sigset_t *watched)
{
    int signals = signalfd(-1, watched, SFD_CLOEXEC);
    struct pollfd waiting[] = { { .fd = terminal, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
    int ready = signals < 0 ? -1 : poll(waiting, 2, -1);
    if (signals >= 0) {
        close(signals);
    }
    return ready > 0 && waiting[1].revents == 0;
}

static void
show(int terminal, const char *text)
{
    ssize_t written = write(terminal, text, strlen(text));
    (void)written; /* goes on even if the prompt could not be shown */
}

/* Blocks signals meanwhile, so that the terminal is restored before one of them takes effect. */
static int
ask_quietly(int terminal, const char *prompt, const sigset_t *watched, struct input_secret *ret_secret,
            const char **ret_error)
{
    struct termios before, quiet;
    if (tcgetattr(terminal, &before) < 0) {
        *ret_error = "the terminal cannot be set to hide what is typed";
        return -1;
    }
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    if (tcsetattr(terminal, TCSAFLUSH, &quiet) < 0) {
        *ret_error = "the terminal cannot be set to hide what is typed";
        return -1;
    }
    show(terminal, prompt);
    int outcome = -1;
    if (wait_for_line(terminal, watched)) {
        outcome = input_line(terminal, ret_secret, ret_error);
    } else {
        *ret_error = "interrupted";
    }
    show(terminal, "\n");
    tcsetattr(terminal, TCSAFLUSH, &before);
    return outcome;
}

int
input_terminal(int descriptor, const char *prompt, struct input_secret *ret_secret, const char **ret_error)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
    sigset_t watched, before;
    sigemptyset(&watched);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaddset(&watched, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &watched, &before);
    int outcome = ask_quietly(descriptor, prompt, &watched, ret_secret, ret_error);
    sigprocmask(SIG_SETMASK, &before, NULL); /* a pending signal takes effect here */
    return outcome;
}

static int
ask_again(const char *again, struct input_secret *secret, const char **ret_error)
{
    struct input_secret second = { .length = 0 };
    if (input_terminal(STDIN_FILENO, again, &second, ret_error) < 0) {
        return -1;
    }
    bool same = second.length == secret->length && secret_equal(second.bytes, secret->bytes, second.length);
    input_wipe(&second);
    if (!same) {
        *ret_error = "the two entries differ; try again";
        return -1;
    }
    return 0;
}

int
input_secret(const char *prompt, const char *again, struct input_secret *ret_secret, const char **ret_error)
{
    if (!isatty(STDIN_FILENO)) {
        return input_line(STDIN_FILENO, ret_secret, ret_error);
    }
    struct input_secret secret = { .length = 0 };
    int outcome = input_terminal(STDIN_FILENO, prompt, &secret, ret_error);
    if (outcome == 0 && again) {
        outcome = ask_again(again, &secret, ret_error);
    }
    if (outcome == 0) {
        *ret_secret = secret;
    }
    input_wipe(&secret);
    return outcome;
}

void
input_wipe(struct input_secret *secret)
{
    secret_wipe(secret, sizeof(*secret));
}
