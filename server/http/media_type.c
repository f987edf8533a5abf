#include "server/http/media_type.h"

/* JSON is UTF-8 (RFC 8259 §8.1). */
static bool
is_other_charset(struct http_slice parameter)
{
    return http_slice_skip_nocase(&parameter, "charset=") && !http_slice_equals_nocase(parameter, "utf-8") &&
           !http_slice_equals_nocase(parameter, "\"utf-8\"");
}

bool
http_media_type_is_json(struct http_slice type)
{
    struct http_slice part;
    if (!http_slice_next(&type, ';', &part) ||
        !http_slice_equals_nocase(http_slice_trim(part), "application/json")) {
        return false;
    }
    while (http_slice_next(&type, ';', &part)) {
        if (is_other_charset(http_slice_trim(part))) {
            return false;
        }
    }
    return true;
}

bool
http_media_type_is_form(struct http_slice type)
{
    struct http_slice part;
    return http_slice_next(&type, ';', &part) &&
           http_slice_equals_nocase(http_slice_trim(part), "application/x-www-form-urlencoded");
}
