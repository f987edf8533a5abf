/* The media type of a body, from Content-Type. */
#ifndef SERVER_HTTP_MEDIA_TYPE_H
#define SERVER_HTTP_MEDIA_TYPE_H

#include "server/http/slice.h"
#include <stdbool.h>

/* Whether it is application/json (RFC 9110 §8.3.1), in UTF-8 if it names a charset. */
bool http_media_type_is_json(struct http_slice type);

/* Whether it is application/x-www-form-urlencoded, whatever its parameters. */
bool http_media_type_is_form(struct http_slice type);

#endif
