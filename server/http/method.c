#include "server/http/method.h"

static const char *const names[] = {
    [HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT",         [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
    [HTTP_OPTIONS] = "OPTIONS", [HTTP_OTHER] = "other", [HTTP_ANY] = "any",
};

enum http_method
http_method_parse(struct http_slice token)
{
    enum http_method method = HTTP_GET;
    while (method < HTTP_OTHER && !http_slice_equals(token, names[method])) {
        method++;
    }
    return method;
}

const char *
http_method_name(enum http_method method)
{
    return names[method];
}
