/* /projects/{project}/members: the accounts with a role of their own in a project. */
#ifndef SERVER_RESOURCES_MEMBERS_H
#define SERVER_RESOURCES_MEMBERS_H

struct endpoint;

extern const struct endpoint members_list, members_set, members_remove;

#endif
