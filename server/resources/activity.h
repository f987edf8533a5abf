/* The usage of a token: calls per hour, address, client, route and status. */
#ifndef SERVER_RESOURCES_ACTIVITY_H
#define SERVER_RESOURCES_ACTIVITY_H

struct endpoint;

extern const struct endpoint activity_list; /* GET /api-keys/{id}/activity?since= */

#endif
