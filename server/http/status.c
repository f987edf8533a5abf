#include "server/http/status.h"
#include "common/log.h"
#include <stdlib.h>

static const struct {
    int status;
    const char *line;
} statuses[] = {
#define STATUS(status, phrase)                                                                               \
    {                                                                                                        \
        status, "HTTP/1.1 " #status " " phrase "\r\n"                                                        \
    }
    STATUS(200, "OK"),
    STATUS(201, "Created"),
    STATUS(202, "Accepted"),
    STATUS(204, "No Content"),
    STATUS(301, "Moved Permanently"),
    STATUS(302, "Found"),
    STATUS(303, "See Other"),
    STATUS(304, "Not Modified"),
    STATUS(307, "Temporary Redirect"),
    STATUS(308, "Permanent Redirect"),
    STATUS(400, "Bad Request"),
    STATUS(401, "Unauthorized"),
    STATUS(403, "Forbidden"),
    STATUS(404, "Not Found"),
    STATUS(405, "Method Not Allowed"),
    STATUS(408, "Request Timeout"),
    STATUS(409, "Conflict"),
    STATUS(410, "Gone"),
    STATUS(412, "Precondition Failed"),
    STATUS(413, "Content Too Large"),
    STATUS(414, "URI Too Long"),
    STATUS(415, "Unsupported Media Type"),
    STATUS(417, "Expectation Failed"),
    STATUS(422, "Unprocessable Content"),
    STATUS(429, "Too Many Requests"),
    STATUS(431, "Request Header Fields Too Large"),
    STATUS(500, "Internal Server Error"),
    STATUS(503, "Service Unavailable"),
    STATUS(505, "HTTP Version Not Supported"),
#undef STATUS
};

_Static_assert(sizeof(statuses) / sizeof(statuses[0]) == HTTP_STATUS_COUNT, "the header knows how many");

size_t
http_status_index(int status)
{
    for (size_t i = 0; i < HTTP_STATUS_COUNT; i++) {
        if (statuses[i].status == status) {
            return i;
        }
    }
    log_error("an answer has a status that is not in the table", log_number("status", status));
    abort();
}

int
http_status_at(size_t index)
{
    return statuses[index].status;
}

const char *
http_status_line(int status)
{
    return statuses[http_status_index(status)].line;
}
