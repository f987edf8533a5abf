/* Reminders that a token is due: of the caller's own tokens, and of the service accounts that the caller
 * looks after. The worker makes them due (worker/jobs.c). */
#ifndef SERVER_RESOURCES_REMINDERS_H
#define SERVER_RESOURCES_REMINDERS_H

#include "server/request/request.h"

extern const struct endpoint reminders_list;
extern const struct endpoint reminders_acknowledge;

#endif
