/* The signature of a call, version "v1" of Standard Webhooks 1.0.0: HMAC-SHA256 over the id of the message,
 * the time of the attempt and the body. */
#ifndef WORKER_DELIVERY_WEBHOOK_SIGNATURE_H
#define WORKER_DELIVERY_WEBHOOK_SIGNATURE_H

#include <stdbool.h>

#define WEBHOOK_SIGNATURE_SIZE 48 /* "v1," and 44 characters of Base64 */

/* `secret` is Base64, after "whsec_"; `timestamp` is in decimal. False when it is none. */
bool webhook_signature(const char *secret, const char *id, const char *timestamp, const char *body,
                       char ret_signature[WEBHOOK_SIGNATURE_SIZE]);

#endif
