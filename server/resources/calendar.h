/* /calendar: the address of a person's calendar feed, and the feed itself, which needs no credentials but
 * that address. */
#ifndef SERVER_RESOURCES_CALENDAR_H
#define SERVER_RESOURCES_CALENDAR_H

#include "server/request/step.h"

struct endpoint;

extern const struct endpoint calendar_get, calendar_delete;

request_function calendar_create, calendar_feed;

#endif
