/* Ctrl-C and SIGTERM while results are sent: they end the waiting, not the process, so that it can say what
 * is left. */
#ifndef REPORTER_INTERRUPT_H
#define REPORTER_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct interrupt {
    int file; /* a signalfd(2); -1 when the kernel gave none */
    bool arrived;
    sigset_t old;
};

/* From now on signals are noted. */
void interrupt_begin(struct interrupt *interrupt);

/* Whether one has arrived. */
bool interrupt_arrived(struct interrupt *interrupt);

/* Waits; returns whether a signal ended that (or arrived before). */
bool interrupt_wait(struct interrupt *interrupt, int64_t milliseconds);

/* As it was before; signals that have arrived meanwhile are dropped. */
void interrupt_end(struct interrupt *interrupt);

#endif
