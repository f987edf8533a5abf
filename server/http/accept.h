/* What a client would rather receive (RFC 9110 §12). */
#ifndef SERVER_HTTP_ACCEPT_H
#define SERVER_HTTP_ACCEPT_H

#include "server/http/head.h"
#include <stdbool.h>

/* Whether to answer with the gzip form of a file that has one (Accept-Encoding, §12.5.3): the client accepts
 * it, and likes the file without a coding no better. */
bool http_accept_prefers_gzip(const struct http_head *head);

/* Whether the client asks for text/html by name (Accept, §12.5.1), and likes JSON no better, as browsers do
 * when they open a page. */
bool http_accept_prefers_html(const struct http_head *head);

#endif
