/* The query of a request's target: "name=value" pairs parted by '&' (application/x-www-form-urlencoded). */
#ifndef SERVER_HTTP_QUERY_H
#define SERVER_HTTP_QUERY_H

#include "server/http/slice.h"
#include <stddef.h>

/* The percent-decoded value of a query parameter, '+' as a space, NUL-ended, in `ret_value`. Returns 1; 0
 * when it is absent; -1 when it is there twice, longer than `size` - 1, holds NUL or a bad escape. */
int http_query_parameter(struct http_slice query, const char *name, char *ret_value, size_t size);

#endif
