#include "common/service.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The supervisor's end of NOTIFY_SOCKET: an abstract address that the kernel chooses. */
static int
open_notify_socket(void)
{
    int supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(supervisor >= 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    assert_int_equal(bind(supervisor, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
    socklen_t length = sizeof(address);
    assert_int_equal(getsockname(supervisor, (struct sockaddr *)&address, &length), 0);
    char name[sizeof(address.sun_path) + 1];
    snprintf(name, sizeof(name), "@%.*s", (int)(length - sizeof(sa_family_t) - 1), address.sun_path + 1);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return supervisor;
}

static void
receive(int supervisor, char *text, size_t size)
{
    struct pollfd ready = { .fd = supervisor, .events = POLLIN };
    assert_int_equal(poll(&ready, 1, 5000), 1);
    ssize_t count = recv(supervisor, text, size - 1, 0);
    assert_true(count >= 0);
    text[count] = '\0';
}

static void
assert_told(int supervisor, const char *expected)
{
    char text[1024];
    receive(supervisor, text, sizeof(text));
    assert_string_equal(text, expected);
}

static void
test_supervisor_is_told(void **state)
{
    (void)state;
    int supervisor = open_notify_socket();
    service_ready();
    assert_told(supervisor, "READY=1");
    service_watchdog();
    assert_told(supervisor, "WATCHDOG=1");
    service_status("serving 3 connections");
    assert_told(supervisor, "STATUS=serving 3 connections");
    service_stopping();
    assert_told(supervisor, "STOPPING=1");
    unsetenv("NOTIFY_SOCKET");
    close(supervisor);
}

static void
test_status_is_one_line(void **state)
{
    (void)state;
    int supervisor = open_notify_socket();
    service_status("waiting\nREADY=1\x1b[2J");
    assert_told(supervisor, "STATUS=waiting READY=1 [2J");
    service_status("");
    assert_told(supervisor, "STATUS=");
    unsetenv("NOTIFY_SOCKET");
    close(supervisor);
}

/* Sends `spaces` ASCII characters and then two-byte ones; gives the length of the status that arrives. */
static size_t
cut_length(int supervisor, size_t spaces)
{
    char text[1001] = "";
    memset(text, 'x', spaces);
    for (size_t i = spaces; i + 2 < sizeof(text); i += 2) {
        memcpy(text + i, "\xc3\xa9", 2);
    }
    service_status(text);
    char told[1024];
    receive(supervisor, told, sizeof(told));
    size_t length = strlen(told) - strlen("STATUS=");
    assert_memory_equal(told + strlen("STATUS="), text, length);
    return length;
}

static void
test_long_status_is_cut_between_characters(void **state)
{
    (void)state;
    int supervisor = open_notify_socket();
    size_t even = cut_length(supervisor, 100);
    size_t odd = cut_length(supervisor, 101);
    assert_int_equal(even % 2, 0);
    assert_int_equal(odd % 2, 1);
    assert_in_range(even, 200, 256);
    assert_in_range(odd, 200, 256);
    unsetenv("NOTIFY_SOCKET");
    close(supervisor);
}

/* Receives a message with a descriptor, in another thread; a barrier ends when its descriptor is closed. */
static void *
receive_kept(void *argument)
{
    int *supervisor = argument;
    int received = -1;
    for (int i = 0; i < 2; i++) {
        char text[128] = "";
        union {
            struct cmsghdr align;
            char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
        } control;
        struct iovec vector = { text, sizeof(text) - 1 };
        struct msghdr message = {
            .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        int fd = -1;
        assert_true(recvmsg(*supervisor, &message, MSG_CMSG_CLOEXEC) > 0);
        for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
            if (part->cmsg_type == SCM_RIGHTS) {
                memcpy(&fd, CMSG_DATA(part), sizeof(fd));
            }
        }
        if (strcmp(text, "FDSTORE=1\nFDPOLL=0\nFDNAME=kept-notes") == 0) {
            received = fd;
        } else {
            close(fd);
        }
    }
    *supervisor = received;
    return NULL;
}

static void
test_a_descriptor_is_kept(void **state)
{
    (void)state;
    int supervisor = open_notify_socket(), kept = supervisor, pipes[2];
    pthread_t thread;
    char byte = 0;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(pthread_create(&thread, NULL, receive_kept, &kept), 0);
    service_keep(SERVICE_KEPT "notes", pipes[1]);
    pthread_join(thread, NULL);
    assert_true(kept >= 0);
    assert_int_equal(write(kept, "x", 1), 1);
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(service_take_kept(SERVICE_KEPT "notes"), -1); /* this process was given none */
    close(kept);
    close(pipes[0]);
    close(pipes[1]);
    close(supervisor);
    unsetenv("NOTIFY_SOCKET");
}

static void
test_silent_without_supervisor(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    service_ready();
    service_status("nobody listens");
    service_watchdog();
    service_stopping();
    setenv("NOTIFY_SOCKET", "@testkase-nobody-is-bound-here", 1);
    service_ready();
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(service_watchdog_interval_ms(), 0);
}

static void
test_watchdog_interval_is_half_the_period(void **state)
{
    (void)state;
    char pid[32];
    unsetenv("WATCHDOG_PID");
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(service_watchdog_interval_ms(), 15000);
    setenv("WATCHDOG_USEC", "1000", 1);
    assert_int_equal(service_watchdog_interval_ms(), 1);
    setenv("WATCHDOG_USEC", "soon", 1);
    assert_int_equal(service_watchdog_interval_ms(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    snprintf(pid, sizeof(pid), "%d", (int)getppid());
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(service_watchdog_interval_ms(), 0); /* meant for another process */
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

/* Runs `check` in a child, which service_harden() changes for good; the result is what it exits with. */
static int
run_in_child(int (*check)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(check());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int
check_limits(void)
{
    struct rlimit files, cores;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = 100;
    setrlimit(RLIMIT_NOFILE, &files);
    if (service_harden()) {
        return 1;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur != files.rlim_max) {
        return 2;
    }
    if (getrlimit(RLIMIT_CORE, &cores) || cores.rlim_cur != 0 || cores.rlim_max != 0) {
        return 3;
    }
    return service_harden() ? 4 : 0; /* safe to repeat */
}

static int
check_privacy(void)
{
    umask(022);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (service_harden()) {
        return 1;
    }
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return 2;
    }
    return umask(0) == 077 ? 0 : 3;
}

static int
check_broken_pipe(void)
{
    int ends[2];
    signal(SIGPIPE, SIG_DFL);
    if (service_harden() || pipe(ends)) {
        return 1;
    }
    close(ends[0]);
    return write(ends[1], "x", 1) == -1 && errno == EPIPE ? 0 : 2;
}

/* From now on prctl(2) fails with EPERM, as in a container that filters it. */
static int
forbid_prctl(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { .len = sizeof(rules) / sizeof(rules[0]), .filter = rules };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

static int
check_refusal(void)
{
    struct rlimit cores;
    umask(022);
    signal(SIGPIPE, SIG_DFL);
    if (forbid_prctl()) {
        return 1;
    }
    errno = 0;
    if (service_harden() != -1 || errno != EPERM) {
        return 2;
    }
    if (getrlimit(RLIMIT_CORE, &cores) || cores.rlim_max != 0) {
        return 3;
    }
    return umask(0) == 077 && signal(SIGPIPE, SIG_DFL) == SIG_IGN ? 0 : 4;
}

static void
test_refusal_is_told_and_the_rest_done(void **state)
{
    (void)state;
    assert_int_equal(run_in_child(check_refusal), 0);
}

static void
test_harden(void **state)
{
    (void)state;
    assert_int_equal(run_in_child(check_limits), 0);
    assert_int_equal(run_in_child(check_privacy), 0);
    assert_int_equal(run_in_child(check_broken_pipe), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_supervisor_is_told),
        cmocka_unit_test(test_status_is_one_line),
        cmocka_unit_test(test_long_status_is_cut_between_characters),
        cmocka_unit_test(test_a_descriptor_is_kept),
        cmocka_unit_test(test_silent_without_supervisor),
        cmocka_unit_test(test_watchdog_interval_is_half_the_period),
        cmocka_unit_test(test_harden),
        cmocka_unit_test(test_refusal_is_told_and_the_rest_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
