/* Links that set a person's password: invitations of new people, and resets of forgotten passwords. */
#ifndef SERVER_RESOURCES_PASSWORD_LINKS_H
#define SERVER_RESOURCES_PASSWORD_LINKS_H

#include "server/request/step.h"

request_function password_links_request; /* anybody: mail me a link */
request_function password_links_use;     /* anybody who has the secret: set the password */
request_function password_links_make;    /* an admin: for a person of the organization */

#endif
