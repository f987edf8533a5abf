#include "reporter/rotate.h"
#include "common/memory.h"
#include "common/secret.h"
#include "common/token.h"
#include "reporter/answer.h"
#include "reporter/console.h"
#include "reporter/credential.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ASK_MS     30000
#define KEY_LENGTH 32
#define PATH_SIZE  128
#define YOUNG_S    600

struct rotate {
    const struct options *options;
    struct console console;
    struct interrupt *interrupt;
    struct http *old;
    char *successor; /* its token */
    enum outcome outcome;
    char reason[700]; /* the last line */
};

__attribute__((format(printf, 3, 4))) static bool
end(struct rotate *rotate, enum outcome outcome, const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    rotate->outcome = outcome;
    vsnprintf(rotate->reason, sizeof(rotate->reason), form, arguments);
    va_end(arguments);
    return false;
}

static bool
end_by_answer(struct rotate *rotate, const char *what, enum http_outcome outcome,
              const struct http_answer *answer)
{
    char why[600];
    if (outcome != HTTP_ANSWERED) {
        return end(rotate, OUTCOME_UNREACHED, "%s: %s", what, answer->error);
    }
    answer_describe(answer, why, sizeof(why));
    return end(rotate, OUTCOME_REFUSED, "%s: %s", what, why);
}

static enum http_outcome
ask(struct http *http, const char *method, const char *path, const char *key, struct http_answer *ret_answer)
{
    const struct http_request request = { .method = method, .path = path, .key = key, .timeout_ms = ASK_MS };
    return http_send(http, &request, ret_answer);
}

static bool
is_done(enum http_outcome outcome, const struct http_answer *answer, int status)
{
    return outcome == HTTP_ANSWERED && answer->status == status;
}

/* --- the old token --- */

/* With --if-due: whether it is; otherwise the run ends well. */
static bool
is_due(struct rotate *rotate)
{
    struct http_answer answer;
    bool due = false;
    enum http_outcome outcome = ask(rotate->old, "GET", "/api-keys/current", NULL, &answer);
    if (is_done(outcome, &answer, 200)) {
        struct json_document *document = answer_document(&answer);
        const struct json_value *root = document ? json_root(document) : NULL;
        const char *state = root ? answer_text(json_member(root, "rotation"), "state") : NULL;
        due = state && (strcmp(state, "due") == 0 || strcmp(state, "overdue") == 0);
        json_free(document);
        if (!due) {
            end(rotate, OUTCOME_REPORTED, "the token is not due for rotation; nothing was done");
        }
    } else {
        end_by_answer(rotate, "cannot look at the token", outcome, &answer);
    }
    http_answer_free(&answer);
    return due;
}

/* --- the successor --- */

static bool
take_successor(struct rotate *rotate, const struct http_answer *answer)
{
    struct json_document *document = answer_document(answer);
    const char *token = document ? answer_text(json_root(document), "token") : NULL;
    bool is_token = token && token_parse(token, strlen(token), NULL);
    rotate->successor = is_token ? memory_duplicate(token) : NULL;
    json_free(document);
    return is_token || end(rotate, OUTCOME_REFUSED, "the answer holds no token: is the address right?");
}

/* Seconds since the time in an answer, by the server's clock; -1: unknown. */
static int64_t
age_of(const struct http_answer *answer, const char *time)
{
    struct tm when = { 0 };
    if (!time || !answer->date_s || !strptime(time, "%Y-%m-%dT%H:%M:%S", &when)) {
        return -1;
    }
    return answer->date_s - timegm(&when);
}

/* Ends a successor that nobody has used: an earlier run broke off after it was made. A young one may be on
 * its way to where it will be used, by a run beside this one. */
static bool
clear_unused(struct rotate *rotate, const struct http_answer *conflict)
{
    char path[PATH_SIZE];
    struct http_answer answer;
    struct json_document *document = answer_document(conflict);
    int64_t id = document ? answer_number(json_root(document), "apiKeyId") : -1;
    json_free(document);
    snprintf(path, sizeof(path), "/api-keys/%" PRId64, id);
    enum http_outcome outcome = ask(rotate->old, "GET", path, NULL, &answer);
    document = is_done(outcome, &answer, 200) ? answer_document(&answer) : NULL;
    const struct json_value *used = document ? json_member(json_root(document), "lastUsedAt") : NULL;
    bool is_unused = used && json_type(used) == JSON_NULL;
    bool is_old = is_unused && age_of(&answer, answer_text(json_root(document), "createdAt")) >= YOUNG_S;
    json_free(document);
    http_answer_free(&answer);
    if (is_unused && !is_old) {
        return end(rotate, OUTCOME_REFUSED,
                   "another run has just made a successor (number %" PRId64
                   "). If that run broke off, try again in %d minutes",
                   id, YOUNG_S / 60);
    }
    if (!is_unused) {
        return end(rotate, OUTCOME_REFUSED,
                   "the token has a successor (number %" PRId64 ") that is in use: present that one", id);
    }
    outcome = ask(rotate->old, "DELETE", path, NULL, &answer);
    bool is_gone = is_done(outcome, &answer, 204);
    if (!is_gone) {
        end_by_answer(rotate, "cannot end the unused successor of an earlier run", outcome, &answer);
    }
    http_answer_free(&answer);
    return is_gone;
}

static bool
make_successor(struct rotate *rotate, bool may_clear)
{
    char key[KEY_LENGTH + 1];
    struct http_answer answer;
    secret_random_base62(key, KEY_LENGTH);
    enum http_outcome outcome = ask(rotate->old, "POST", "/api-keys/current/rotate", key, &answer);
    bool is_made = false;
    if (is_done(outcome, &answer, 201)) {
        is_made = take_successor(rotate, &answer);
    } else if (is_done(outcome, &answer, 409) && may_clear) {
        is_made = clear_unused(rotate, &answer) && make_successor(rotate, false);
    } else {
        end_by_answer(rotate, "cannot make the successor", outcome, &answer);
    }
    http_answer_free(&answer);
    return is_made;
}

/* --- handing it over --- */

/* Starts the command with the read end of the pipe as its standard input; 0 when that fails. */
static pid_t
start_command(const char *command, const int pipe_ends[2])
{
    char *const words[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)command,
                            NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    pid_t child = 0;
    sigemptyset(&signals);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[0], STDIN_FILENO);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    errno = posix_spawn(&child, "/bin/sh", &actions, &attributes, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return errno ? 0 : child;
}

/* The token is shorter than a pipe's buffer, so that writing never waits. */
static bool
write_token(int file, const char *token)
{
    char line[TOKEN_LENGTH + 2];
    int length = snprintf(line, sizeof(line), "%s\n", token);
    bool is_written = write(file, line, (size_t)length) == length;
    secret_wipe(line, sizeof(line));
    return is_written;
}

static bool
hand_over(struct rotate *rotate)
{
    int pipe_ends[2], status = -1;
    if (pipe2(pipe_ends, O_CLOEXEC) < 0) {
        return end(rotate, OUTCOME_REFUSED, "cannot start the command: %s", strerror(errno));
    }
    pid_t child = start_command(rotate->options->exec, pipe_ends);
    close(pipe_ends[0]);
    bool is_written = child > 0 && write_token(pipe_ends[1], rotate->successor);
    close(pipe_ends[1]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child <= 0) {
        return end(rotate, OUTCOME_REFUSED, "cannot start the command: %s", strerror(errno));
    }
    if (!is_written || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return end(rotate, OUTCOME_REFUSED, "the command failed, with status %d",
                   WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    return true;
}

/* Ends the successor, which nobody got: by itself, so that nothing else can be meant. */
static void
end_successor(struct rotate *rotate, struct http *successor)
{
    struct http_answer answer;
    /* Also after Ctrl-C, which ended the command: one more request is due. */
    if (interrupt_arrived(rotate->interrupt)) {
        rotate->interrupt->arrived = false;
    }
    if (is_done(ask(successor, "DELETE", "/api-keys/current", NULL, &answer), &answer, 204)) {
        console_say(&rotate->console, "the new token was ended; the old one is as it was");
    } else {
        console_warn(&rotate->console, "the new token could not be ended; end it on the page");
    }
    http_answer_free(&answer);
}

static bool
prove(struct rotate *rotate, struct http *successor)
{
    struct http_answer answer;
    enum http_outcome outcome = ask(successor, "GET", "/api-keys/current", NULL, &answer);
    bool works = is_done(outcome, &answer, 200);
    if (!works) {
        end_by_answer(rotate, "the new token does not work", outcome, &answer);
    }
    http_answer_free(&answer);
    return works;
}

static void
end_old(struct rotate *rotate)
{
    struct http_answer answer;
    enum http_outcome outcome = ask(rotate->old, "DELETE", "/api-keys/current", NULL, &answer);
    if (is_done(outcome, &answer, 204)) {
        end(rotate, OUTCOME_REPORTED, "rotated: the new token works, and the old one was ended");
    } else {
        end_by_answer(rotate, "the new token works, but the old one could not be ended", outcome, &answer);
    }
    http_answer_free(&answer);
}

static void
replace_token(struct rotate *rotate)
{
    const struct options *options = rotate->options;
    if ((options->if_due && !is_due(rotate)) || !make_successor(rotate, true)) {
        return;
    }
    struct http *successor = http_new(options->url, rotate->successor, options->cacert, rotate->interrupt);
    if (!hand_over(rotate)) {
        end_successor(rotate, successor);
    } else if (prove(rotate, successor)) {
        if (options->delete_old) {
            end_old(rotate);
        } else {
            end(rotate, OUTCOME_REPORTED,
                "rotated: the new token works; the old one lives until it is deleted");
        }
    }
    http_free(successor);
}

enum outcome
rotate_run(const struct options *options)
{
    struct rotate rotate = { .options = options };
    struct interrupt interrupt;
    char error[256], *token = NULL;
    const char *refusal = http_url_refusal(options->url);
    rotate.console = (struct console){ .provider = ci_detect(), .quiet = options->quiet };
    if (refusal) {
        end(&rotate, OUTCOME_MISUSED, "%s", refusal);
    } else if (credential_read(options, &token, error, sizeof(error)) < 0) {
        end(&rotate, OUTCOME_MISUSED, "%s", error);
    } else {
        interrupt_begin(&interrupt);
        rotate.interrupt = &interrupt;
        rotate.old = http_new(options->url, token, options->cacert, &interrupt);
        replace_token(&rotate);
        http_free(rotate.old);
        interrupt_end(&interrupt);
    }
    console_last(&rotate.console, "%s (exit status %d)", rotate.reason, rotate.outcome);
    credential_free(rotate.successor);
    credential_free(token);
    return rotate.outcome;
}
