#include "server/resources/pages.h"
#include "server/request/request.h"
#include "server/web/assets.h"
#include <string.h>

static const char security_headers[] = "Content-Security-Policy: default-src 'self'; object-src 'none'; "
                                       "base-uri 'none'; frame-ancestors 'none'\r\n"
                                       "Referrer-Policy: same-origin\r\n";

static const struct asset *
find_asset(struct http_slice name)
{
    for (size_t i = 0; i < assets_count; i++) {
        if (http_slice_equals(name, assets[i].name)) {
            return &assets[i];
        }
    }
    return NULL;
}

/* If-None-Match (RFC 9110 §13.1.2): "*", or a list of tags, which may be weak. */
static bool
client_has(const struct request *request, const char *etag)
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

/* Browsers revalidate each time, so that a new version shows at once; most of these answers are 304. */
static enum step_result
answer_asset(struct request *request, struct http_slice name)
{
    struct answer *answer = &request->answer;
    const struct asset *asset = find_asset(name);
    if (!asset) {
        return answer_refuse(answer, PROBLEM_NOT_FOUND, NULL);
    }
    answer->cache_control = "no-cache";
    answer_add_header(answer, "ETag", asset->etag);
    answer_add_headers(answer, security_headers, NULL);
    if (client_has(request, asset->etag)) {
        return answer_empty(answer, 304);
    }
    return answer_constant(answer, 200, asset->content_type, (const char *)asset->bytes, asset->length);
}

enum step_result
pages_docs(struct request *request)
{
    return answer_asset(request, http_slice_of("docs.html"));
}

enum step_result
pages_openapi(struct request *request)
{
    return answer_asset(request, http_slice_of("openapi.json"));
}

enum step_result
pages_asset(struct request *request)
{
    return answer_asset(request, route_values_find(&request->path, "file")->text);
}
