/* The name that a client gives itself (User-Agent, RFC 9110 §10.1.5), fit to be stored and shown. */
#ifndef SERVER_HTTP_CLIENT_NAME_H
#define SERVER_HTTP_CLIENT_NAME_H

#include "server/http/slice.h"
#include <stddef.h>

/* Copies the User-Agent, at most `size` - 1 bytes, with '?' for every byte that is not printable ASCII. Cuts
 * it before anything that may be a token or another secret (pasted_secret_find()). The name always ends with
 * NUL. */
void client_name(struct http_slice user_agent, char *ret_name, size_t size);

/* Only the first product with its version, "curl/8.5.0": what else a client says of itself may differ with
 * each call. Empty when the field does not begin with a product; otherwise as client_name(). */
void client_name_product(struct http_slice user_agent, char *ret_product, size_t size);

#endif
