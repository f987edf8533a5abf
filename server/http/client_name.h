/* What a client calls itself, fit to be stored and shown. */
#ifndef SERVER_HTTP_CLIENT_NAME_H
#define SERVER_HTTP_CLIENT_NAME_H

#include "server/http/slice.h"
#include <stddef.h>

/* The User-Agent, up to what may be a token in it and up to `size` - 1 bytes; a byte that is not printable
 * ASCII becomes '?'. Always NUL-ended. */
void client_name(struct http_slice user_agent, char *ret_name, size_t size);

#endif
