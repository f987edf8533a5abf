/* /account/mail and /mail/unsubscribe: which mails a person wants. */
#ifndef SERVER_RESOURCES_MAIL_H
#define SERVER_RESOURCES_MAIL_H

#include "server/request/step.h"

struct endpoint;

extern const struct endpoint mail_get_wishes, mail_set_wishes;

/* Stops the reminders or the digest of a person by the secret in a mail, without credentials (RFC 8058
 * §3.1). The body, which says "List-Unsubscribe=One-Click", is not read. */
request_function mail_unsubscribe;

#endif
