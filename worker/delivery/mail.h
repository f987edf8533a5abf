/* Mails by SMTP (RFC 5321), with libcurl: TLS is required when the configured address has credentials, and
 * used where the server offers it when there are none. A mail is text and HTML (letter.h). */
#ifndef WORKER_DELIVERY_MAIL_H
#define WORKER_DELIVERY_MAIL_H

#include "worker/delivery/carrier.h"

extern const struct carrier mail_carrier;

#endif
