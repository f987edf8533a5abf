#include "common/service.h"
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#define KEEP_TIMEOUT_US 1000000
#define STATUS_SIZE     256 /* bytes of text that service_status() passes on */

static int
ignore_broken_pipes(void)
{
    struct sigaction action = { .sa_handler = SIG_IGN };
    return sigaction(SIGPIPE, &action, NULL);
}

static int
forbid_core_dumps(void)
{
    return setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

static int
forbid_inspection(void)
{
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int
make_files_private(void)
{
    umask(077);
    return 0;
}

static int
raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) {
        return -1;
    }
    if (limit.rlim_cur == limit.rlim_max) {
        return 0;
    }
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

int
service_harden(void)
{
    int (*const steps[])(void) = { ignore_broken_pipes, forbid_core_dumps, forbid_inspection,
                                   make_files_private, raise_descriptor_limit };
    int failure = 0;
    /* A container may refuse one call; the others are still worth making. */
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i]() && !failure) {
            failure = errno;
        }
    }
    errno = failure ? failure : errno;
    return failure ? -1 : 0;
}

void
service_ignore_reloads(void)
{
    static const int signals[] = { SIGHUP, SIGUSR1, SIGUSR2 };
    struct sigaction action = { .sa_handler = SIG_IGN };
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaction(signals[i], &action, NULL);
    }
}

void
service_ready(void)
{
    sd_notify(0, "READY=1");
}

void
service_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}

/* How many bytes of `text` fit without splitting a character, because systemd drops a status that is not
 * valid UTF-8. */
static size_t
fitting_length(const char *text)
{
    size_t length = strnlen(text, STATUS_SIZE);
    while (length && ((unsigned char)text[length] & 0xc0) == 0x80) {
        length--;
    }
    return length;
}

void
service_status(const char *text)
{
    char message[sizeof("STATUS=") + STATUS_SIZE] = "STATUS=";
    size_t start = strlen(message);
    size_t length = fitting_length(text);
    for (size_t i = 0; i < length; i++) {
        /* In the protocol of sd_notify(3), a line end would begin another assignment. */
        message[start + i] = text[i];
        if (iscntrl((unsigned char)text[i])) {
            message[start + i] = ' ';
        }
    }
    sd_notify(0, message);
}

int64_t
service_watchdog_interval_ms(void)
{
    uint64_t period_us = 0;
    if (sd_watchdog_enabled(0, &period_us) <= 0) {
        return 0;
    }
    int64_t half_ms = (int64_t)(period_us / 2000);
    return half_ms > 0 ? half_ms : 1;
}

void
service_watchdog(void)
{
    sd_notify(0, "WATCHDOG=1");
}

/* --- what the supervisor keeps --- */

void
service_keep(const char *name, int fd)
{
    char message[128];
    snprintf(message, sizeof(message), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
    if (sd_pid_notify_with_fds(0, 0, message, &fd, 1) > 0) {
        sd_notify_barrier(0, KEEP_TIMEOUT_US);
    }
}

int
service_take_kept(const char *name)
{
    char **names = NULL;
    char message[128];
    int taken = -1;
    int count = sd_listen_fds_with_names(0, &names);
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            /* Of several, the last process's. The others stay open: with a gap between the given descriptors,
             * sd_listen_fds(3) fails. */
            taken = SD_LISTEN_FDS_START + i;
        }
        free(names[i]);
    }
    free(names);
    if (taken >= 0) {
        snprintf(message, sizeof(message), "FDSTOREREMOVE=1\nFDNAME=%s", name);
        sd_notify(0, message);
    }
    return taken;
}
