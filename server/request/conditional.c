#include "server/request/conditional.h"
#include <string.h>

bool
conditional_client_has(const struct request *request, const char *etag)
{
    struct http_slice rest = http_head_field(request->head, "if-none-match"), tag;
    while (rest.bytes && http_slice_next(&rest, ',', &tag)) {
        tag = http_slice_trim(tag);
        if (tag.length > 2 && memcmp(tag.bytes, "W/", 2) == 0) {
            tag = http_slice_between(tag.bytes + 2, tag.bytes + tag.length);
        }
        if (http_slice_equals(tag, etag) || http_slice_equals(tag, "*")) {
            return true;
        }
    }
    return false;
}
