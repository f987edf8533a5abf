/* The people who look after a service account: they are told what concerns it. */
#ifndef SERVER_RESOURCES_CUSTODIANS_H
#define SERVER_RESOURCES_CUSTODIANS_H

#include "server/request/request.h"

extern const struct endpoint custodians_list;
extern const struct endpoint custodians_set;
extern const struct endpoint custodians_remove;

#endif
