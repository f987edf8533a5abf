/* The statuses that this service answers with (RFC 9110 §15): one table, for the status lines and for the
 * metrics. */
#ifndef SERVER_HTTP_STATUS_H
#define SERVER_HTTP_STATUS_H

#include <stddef.h>

#define HTTP_STATUS_COUNT 29

/* A status's place in the table, below HTTP_STATUS_COUNT. An answer with a status that the table lacks is our
 * own mistake: the process logs it and aborts. */
size_t http_status_index(int status);

/* The status at that place. */
int http_status_at(size_t index);

/* The whole line, "HTTP/1.1 200 OK\r\n" (RFC 9112 §4). Aborts as http_status_index() does. */
const char *http_status_line(int status);

#endif
