#include "server/resources/verify.h"
#include "common/log.h"
#include "common/text.h"
#include "server/http/characters.h"
#include "server/request/request.h"
#include "server/server.h"
#include <string.h>

/* --- the request that the proxy asks about --- */

enum told { TOLD_NOTHING, TOLD_SAFE, TOLD_UNSAFE };

/* Traefik and Caddy send the first, ingress-nginx the second. A method that is none of the three harmless
 * ones, or one field among several that says so, makes the request unsafe. */
static enum told
told_method(const struct http_head *head)
{
    enum told told = TOLD_NOTHING;
    for (size_t i = 0; i < head->field_count; i++) {
        const struct http_field *field = &head->fields[i];
        if (http_slice_equals_nocase(field->name, "x-forwarded-method") ||
            http_slice_equals_nocase(field->name, "x-original-method")) {
            enum http_method method = http_method_parse(field->value);
            if (method != HTTP_GET && method != HTTP_HEAD && method != HTTP_OPTIONS) {
                return TOLD_UNSAFE;
            }
            told = TOLD_SAFE;
        }
    }
    return told;
}

/* A page of another site may open a WebSocket by GET, with the cookie, and read and write through it. */
static bool
opens_websocket(const struct http_head *head)
{
    return http_slice_equals_nocase(http_head_field(head, "sec-fetch-mode"), "websocket") ||
           http_slice_equals_nocase(http_head_field(head, "upgrade"), "websocket");
}

/* Whether `origin` is `scheme`://`host`. */
static bool
is_origin_of(struct http_slice origin, const char *scheme, struct http_slice host)
{
    return host.length > 0 && http_slice_skip_nocase(&origin, scheme) &&
           http_slice_skip_nocase(&origin, "://") && http_slice_same_nocase(origin, host);
}

/* Whether `origin` is the beginning of the absolute URL, up to its path. */
static bool
is_origin_of_url(struct http_slice origin, struct http_slice url)
{
    return origin.length > 0 && url.length > origin.length && url.bytes[origin.length] == '/' &&
           http_slice_same_nocase(origin, (struct http_slice){ url.bytes, origin.length });
}

/* The scheme of the address that the browser asked for. Traefik tells ws or wss for a WebSocket. */
static const char *
told_scheme(const struct request *request)
{
    struct http_slice told = http_head_field(request->head, "x-forwarded-proto");
    bool is_told_secure = http_slice_equals_nocase(told, "https") || http_slice_equals_nocase(told, "wss");
    return (told.bytes ? is_told_secure : request->loop->server->secure) ? "https" : "http";
}

/* Whether the page has the public URL's origin, or that of the address which the browser asked the proxy
 * for. The proxy tells that address in fields; a page cannot make a browser send them to another origin
 * without a preflight. */
static bool
origin_is_ours(const struct request *request)
{
    const struct http_head *head = request->head;
    struct http_slice host = http_head_field(head, "x-forwarded-host");
    return http_slice_equals_nocase(head->origin, request->loop->server->config->public_url) ||
           is_origin_of(head->origin, told_scheme(request), host.bytes ? host : head->host) ||
           is_origin_of_url(head->origin, http_head_field(head, "x-original-url"));
}

/* Browsers send Sec-Fetch-Site or Origin with a request that changes something. */
static bool
comes_from_own_page(const struct request *request)
{
    struct http_slice site = request->head->sec_fetch_site;
    return site.bytes ? http_slice_equals(site, "same-origin")
                      : request->head->origin.bytes && origin_is_ours(request);
}

/* Whether a browser says that a page of another site made the request. */
static bool
comes_from_another_page(const struct request *request)
{
    struct http_slice site = request->head->sec_fetch_site;
    bool is_named = site.bytes ? !http_slice_equals(site, "none") : request->head->origin.bytes != NULL;
    return is_named && !comes_from_own_page(request);
}

/* A proxy that asks by GET and does not tell the method might ask about any. */
static bool
is_cross_site(const struct request *request)
{
    enum told told = told_method(request->head);
    if (told == TOLD_UNSAFE) {
        return !comes_from_own_page(request);
    }
    return (told == TOLD_NOTHING || opens_websocket(request->head)) && comes_from_another_page(request);
}

/* --- the caller --- */

static void
add_id(struct request *request, const char *name, int64_t id)
{
    char text[TEXT_NUMBER_SIZE];
    text_number(id, text);
    answer_add_header(&request->answer, name, text);
}

/* The API accepts no such address, but a row may be written past it. */
static enum step_result
refuse_email(struct request *request)
{
    log_error("an account's e-mail address has control characters", log_text("request", request->id),
              log_number("user", request->auth.caller->user_id));
    return answer_refuse(&request->answer, PROBLEM_INTERNAL, NULL);
}

enum step_result
verify(struct request *request)
{
    const struct caller *caller = request->auth.caller;
    if (request->auth.credentials == CREDENTIALS_SESSION && is_cross_site(request)) {
        return answer_refuse(&request->answer, PROBLEM_CROSS_SITE, NULL);
    }
    if (!http_characters_all(http_slice_of(caller->email), HTTP_VALUE)) {
        return refuse_email(request);
    }
    add_id(request, "X-Testkase-User-Id", caller->user_id);
    answer_add_header(&request->answer, "X-Testkase-User-Email", caller->email);
    add_id(request, "X-Testkase-Org-Id", caller->organization_id);
    answer_add_header(&request->answer, "X-Testkase-Org-Role", caller->org_role);
    if (caller->token_id) {
        add_id(request, "X-Testkase-Api-Key-Id", caller->token_id);
    }
    return answer_empty(&request->answer, 200);
}
