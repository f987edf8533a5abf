#include "worker/stop.h"
#include "common/memory.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct stop {
    int descriptor;
};

static sigset_t
stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

struct stop *
stop_new(void)
{
    sigset_t set = stop_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
    int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (descriptor < 0) {
        return NULL;
    }
    struct stop *stop = memory_new(1, sizeof(*stop));
    stop->descriptor = descriptor;
    return stop;
}

void
stop_free(struct stop *stop)
{
    if (!stop) {
        return;
    }
    close(stop->descriptor);
    free(stop);
}

int
stop_descriptor(const struct stop *stop)
{
    return stop->descriptor;
}

bool
stop_requested(const struct stop *stop)
{
    struct pollfd look = { .fd = stop->descriptor, .events = POLLIN };
    return poll(&look, 1, 0) > 0;
}

static void
end_process(int signal_number)
{
    (void)signal_number;
    _exit(0);
}

static void
set_handlers(void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

void
stop_at_once_begin(void)
{
    sigset_t set = stop_signals();
    set_handlers(end_process);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void
stop_at_once_end(void)
{
    sigset_t set = stop_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
    set_handlers(SIG_DFL);
}
