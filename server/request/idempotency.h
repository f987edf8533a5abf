/* Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): by it, a request that is sent again is known.
 */
#ifndef SERVER_REQUEST_IDEMPOTENCY_H
#define SERVER_REQUEST_IDEMPOTENCY_H

#include "server/request/request.h"

#define IDEMPOTENCY_KEY_SIZE 256

/* Reads the field, a quoted string or the same without quotes, of 1 to 255 ASCII characters; "" when it is
 * absent. False when it is refused; the answer is set then. */
bool idempotency_key_read(struct request *request, char ret_key[IDEMPOTENCY_KEY_SIZE]);

#endif
