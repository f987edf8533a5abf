/* The Date field (RFC 9110 §6.6.1), formatted once a second. */
#ifndef SERVER_HTTP_DATE_H
#define SERVER_HTTP_DATE_H

#include <stdint.h>

#define HTTP_DATE_LENGTH 37 /* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" */

/* Zeroed at first; not shared by threads. */
struct http_date {
    int64_t second; /* since 1970, of `line` */
    char line[HTTP_DATE_LENGTH + 1];
};

/* The field line of this second, with CRLF, NUL-terminated; lives until the next call. */
const char *http_date_line(struct http_date *date);

#endif
