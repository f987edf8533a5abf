/* /organization: the caller's organization and its settings. */
#ifndef SERVER_RESOURCES_ORGANIZATION_H
#define SERVER_RESOURCES_ORGANIZATION_H

struct endpoint;

extern const struct endpoint organization_get, organization_update;

#endif
