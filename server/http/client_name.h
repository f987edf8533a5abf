/* The name that a client gives itself, fit to be stored and shown. */
#ifndef SERVER_HTTP_CLIENT_NAME_H
#define SERVER_HTTP_CLIENT_NAME_H

#include "server/http/slice.h"
#include <stddef.h>

/* Copies the User-Agent, at most `size` - 1 bytes, with '?' for every byte that is not printable ASCII. Cuts
 * it before anything that may be a token or another secret (pasted_secret_find()). The name always ends with
 * NUL. */
void client_name(struct http_slice user_agent, char *ret_name, size_t size);

#endif
