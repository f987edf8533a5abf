#include "server/resources/pages.h"
#include "server/http/accept.h"
#include "server/request/conditional.h"
#include "server/request/request.h"
#include "server/server.h"
#include "server/web/assets.h"
#include <assert.h>
#include <string.h>

static const char fields_of_files[] = "Content-Security-Policy: default-src 'self'; object-src 'none'; "
                                      "base-uri 'none'; frame-ancestors 'none'\r\n"
                                      "Cross-Origin-Resource-Policy: same-origin\r\n"
                                      "Referrer-Policy: same-origin\r\n";

/* Browsers ignore it elsewhere, and log an error for it. */
static const char field_in_secure_context[] = "Cross-Origin-Opener-Policy: same-origin\r\n";

/* Only copying to the clipboard is allowed. */
static const char fields_of_pages[] =
    "Permissions-Policy: accelerometer=(), autoplay=(), camera=(), clipboard-read=(), "
    "clipboard-write=(self), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), "
    "gyroscope=(), hid=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), "
    "publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()\r\n";

/* The other fields of an answer: request id (80 bytes), nosniff, Cache-Control, HSTS, ETag, Vary, coding. */
static_assert(sizeof(fields_of_files) + sizeof(fields_of_pages) + sizeof(field_in_secure_context) + 400 <
                  ANSWER_FIELDS_SIZE,
              "the fields of a page must fit");

#define CACHE_FOR_EVER "public, max-age=31536000, immutable" /* a change of the file changes its path */
#define CACHE_CHECKED  "no-cache"                            /* a new version shows at once */

static const struct asset *
find_asset(struct http_slice path)
{
    return asset_find(path.bytes, path.length);
}

static bool
is_page(const struct asset *asset)
{
    return strncmp(asset->content_type, "text/html", 9) == 0;
}

/* --- the form that is sent --- */

static const struct asset_form *
choose_form(const struct request *request, const struct asset *asset)
{
    bool packs = asset->gzip.bytes && http_accept_prefers_gzip(request->head);
    return packs ? &asset->gzip : &asset->plain;
}

/* The form that the client has already: both forms have the same content, so either is current. */
static const struct asset_form *
find_held_form(const struct request *request, const struct asset *asset, const struct asset_form *chosen)
{
    const struct asset_form *other = chosen == &asset->plain ? &asset->gzip : &asset->plain;
    return conditional_client_has(request, chosen->etag)                  ? chosen
           : other->bytes && conditional_client_has(request, other->etag) ? other
                                                                          : NULL;
}

/* --- answers --- */

static void
add_fields(struct request *request, const struct asset *asset)
{
    struct answer *answer = &request->answer;
    if (asset->gzip.bytes) {
        answer_add_header(answer, "Vary", "Accept-Encoding");
    }
    answer_add_headers(answer, fields_of_files, NULL);
    if (is_page(asset)) {
        answer_add_headers(answer, fields_of_pages, NULL);
        if (request->loop->server->is_secure_context) {
            answer_add_headers(answer, field_in_secure_context, NULL);
        }
    }
}

static enum step_result
answer_form(struct answer *answer, int status, const struct asset *asset, const struct asset_form *form)
{
    if (form == &asset->gzip) {
        answer_add_header(answer, "Content-Encoding", "gzip");
    }
    return answer_constant(answer, status, asset->content_type, (const char *)form->bytes, form->length);
}

static enum step_result
answer_cacheable(struct request *request, const struct asset *asset, const char *cache_control)
{
    struct answer *answer = &request->answer;
    const struct asset_form *form = choose_form(request, asset);
    const struct asset_form *held = find_held_form(request, asset, form);
    answer->cache_control = cache_control;
    answer_add_header(answer, "ETag", held ? held->etag : form->etag);
    add_fields(request, asset);
    return held ? answer_empty(answer, 304) : answer_form(answer, 200, asset, form);
}

/* Nothing keeps the page, so it never names files of an older version. */
static enum step_result
answer_index(struct request *request, int status)
{
    const struct asset *asset = find_asset(http_slice_of("index.html"));
    add_fields(request, asset);
    return answer_form(&request->answer, status, asset, choose_form(request, asset));
}

/* --- handlers --- */

enum step_result
pages_index(struct request *request)
{
    return answer_index(request, 200);
}

enum step_result
pages_docs(struct request *request)
{
    return answer_cacheable(request, find_asset(http_slice_of("docs.html")), CACHE_CHECKED);
}

enum step_result
pages_openapi(struct request *request)
{
    return answer_cacheable(request, find_asset(request->head->path), CACHE_CHECKED);
}

enum step_result
pages_asset(struct request *request)
{
    const struct asset *asset = find_asset(request->head->path);
    return asset ? answer_cacheable(request, asset, CACHE_FOR_EVER)
                 : answer_refuse(&request->answer, PROBLEM_NOT_FOUND, NULL);
}

static bool
begins_with(struct http_slice path, const char *prefix)
{
    size_t length = strlen(prefix);
    return path.length >= length && memcmp(path.bytes, prefix, length) == 0;
}

enum step_result
pages_missing(struct request *request)
{
    const struct http_head *head = request->head;
    bool reads = head->method == HTTP_GET || head->method == HTTP_HEAD;
    bool is_of_page = !begins_with(head->path, "/api/") && !begins_with(head->path, "/assets/");
    return reads && is_of_page && http_accept_prefers_html(head) ? answer_index(request, 404) : STEP_NEXT;
}
