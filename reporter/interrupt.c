#include "reporter/interrupt.h"
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

void
interrupt_begin(struct interrupt *interrupt)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    *interrupt = (struct interrupt){ .file = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK) };
    if (interrupt->file >= 0) {
        sigprocmask(SIG_BLOCK, &signals, &interrupt->old);
    }
}

bool
interrupt_arrived(struct interrupt *interrupt)
{
    struct signalfd_siginfo information;
    if (!interrupt->arrived && interrupt->file >= 0) {
        interrupt->arrived = read(interrupt->file, &information, sizeof(information)) > 0;
    }
    return interrupt->arrived;
}

bool
interrupt_wait(struct interrupt *interrupt, int64_t milliseconds)
{
    struct pollfd file = { .fd = interrupt->file, .events = POLLIN };
    if (!interrupt_arrived(interrupt)) {
        poll(&file, 1, (int)milliseconds);
    }
    return interrupt_arrived(interrupt);
}

void
interrupt_end(struct interrupt *interrupt)
{
    struct signalfd_siginfo information;
    if (interrupt->file >= 0) {
        while (read(interrupt->file, &information, sizeof(information)) > 0) {
        }
        close(interrupt->file);
        sigprocmask(SIG_SETMASK, &interrupt->old, NULL);
    }
}
