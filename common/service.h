/* What a supervisor sees of a program: readiness and watchdog by sd_notify(3), signals, limits. Without
 * systemd all of it is silent. */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

#include <stdint.h>

/* At the start of every program: SIGPIPE ignored, core dumps off and the process not dumpable (memory holds
 * tokens), umask 077, descriptor limit raised to its hard limit. Returns 0, or -1 with the errno of the first
 * refusal (by a container, say); what can be done is done all the same. */
int service_harden(void);

/* The service answers from now on (READY=1). The loop calls it once, when it really serves. */
void service_ready(void);

/* Shutdown has begun (STOPPING=1). */
void service_stopping(void);

/* One line for systemctl status. */
void service_status(const char *text);

/* How often service_watchdog() must be called, in milliseconds (half of WatchdogSec), or 0 when nobody
 * watches. */
int64_t service_watchdog_interval_ms(void);
void service_watchdog(void);

#endif
