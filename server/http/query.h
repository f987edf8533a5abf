/* The query of a request's target: "name=value" pairs separated by '&' (application/x-www-form-urlencoded).
 */
#ifndef SERVER_HTTP_QUERY_H
#define SERVER_HTTP_QUERY_H

#include "server/http/slice.h"
#include <stddef.h>

/* Writes a parameter's value to `ret_value`, percent-decoded, with '+' as a space, and NUL-terminated.
 * Returns 1; 0 when the parameter is absent; -1 when it occurs twice, has more than `size` - 1 bytes, or
 * contains NUL or an invalid escape. */
int http_query_parameter(struct http_slice query, const char *name, char *ret_value, size_t size);

#endif
