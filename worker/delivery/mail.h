/* Mails by SMTP (RFC 5321), with libcurl: STARTTLS is required as soon as the configured address has a
 * password, or the server is not on this machine. A mail is text and HTML (letter.h). */
#ifndef WORKER_DELIVERY_MAIL_H
#define WORKER_DELIVERY_MAIL_H

#include "worker/delivery/carrier.h"

extern const struct carrier mail_carrier;

#endif
