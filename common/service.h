/* The interface to the supervisor: readiness and watchdog by sd_notify(3), signals, limits. Without systemd,
 * the notifications do nothing. */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* At the start of every program: SIGPIPE ignored, core dumps off and the process not dumpable (memory holds
 * tokens), umask 077, descriptor limit raised to its hard limit. Returns 0, or -1 with the errno of the first
 * step that failed (in a container, for example); the other steps are done all the same. */
int service_harden(void);

/* Ignores SIGHUP, SIGUSR1 and SIGUSR2, by which tools ask a daemon to reload or to reopen its log. There is
 * nothing to reload, and by default they would end the process. */
void service_ignore_reloads(void);

/* The service is ready (READY=1). Call it once, when the service can answer. */
void service_ready(void);

/* Shutdown has begun (STOPPING=1). */
void service_stopping(void);

/* One line for systemctl status. */
void service_status(const char *text);

/* How often to call service_watchdog(), in milliseconds (half of WatchdogSec), or 0 without a watchdog. */
int64_t service_watchdog_interval_ms(void);
void service_watchdog(void);

/* --- what the supervisor keeps from one process to the next (FDSTORE=1 of sd_notify(3)) --- */

/* Names of kept descriptors begin with this; those of sockets do not. */
#define SERVICE_KEPT "kept-"

/* Lets the supervisor keep `fd` under a name for the next process. Returns once it has it, or after a second:
 * a process may then end. The caller still closes `fd`. Without a supervisor, it does nothing. */
void service_keep(const char *name, int fd);

/* The descriptor that an earlier process left under this name, which the caller closes; -1 if there is none.
 * The supervisor keeps it no longer. Call it before anything else takes the given sockets. */
int service_take_kept(const char *name);

#endif
