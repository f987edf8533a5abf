/* /audit-events: what was done in the organization, and by whom, for its owner and admins. */
#ifndef SERVER_RESOURCES_AUDIT_EVENTS_H
#define SERVER_RESOURCES_AUDIT_EVENTS_H

struct endpoint;

extern const struct endpoint audit_events_list;

#endif
