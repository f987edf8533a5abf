#include "server/request/public_url.h"
#include "common/log.h"
#include "common/pasted_secret.h"
#include "server/server.h"
#include <stdio.h>
#include <string.h>

#define ORIGIN_SIZE 65

/* Copies the Origin if it is fit to be shown and logged: scheme, host and port, and no secret. Returns
 * whether it is. */
static bool
copy_origin(const struct request *request, char ret_origin[ORIGIN_SIZE])
{
    struct http_slice origin = request->head->origin;
    if (!origin.bytes || origin.length >= ORIGIN_SIZE ||
        !memmem(origin.bytes, origin.length, "://", strlen("://")) ||
        memmem(origin.bytes, origin.length, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) ||
        pasted_secret_find(origin.bytes, origin.length, NULL)) {
        return false;
    }
    memcpy(ret_origin, origin.bytes, origin.length);
    ret_origin[origin.length] = '\0';
    static const char members[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:/[]";
    return strspn(ret_origin, members) == origin.length;
}

static void
note_mismatch(const struct request *request, const char *origin)
{
    struct server *server = request->loop->server;
    if (retry_shared_log_is_due(&server->public_url_log)) {
        log_warning("a browser's request came from another address than the public one; if people use that "
                    "address, set it",
                    log_text("origin", origin), log_text("public_url", server->config->public_url),
                    log_text("setting", "TESTKASE_PUBLIC_URL"));
    }
}

void
public_url_check(const struct request *request)
{
    char origin[ORIGIN_SIZE];
    if (request->head->origin.bytes &&
        !http_slice_equals_nocase(request->head->origin, request->loop->server->config->public_url) &&
        copy_origin(request, origin)) {
        note_mismatch(request, origin);
    }
}

enum step_result
public_url_refuse(struct request *request)
{
    char origin[ORIGIN_SIZE], detail[256];
    if (request->head->sec_fetch_site.bytes || !copy_origin(request, origin)) {
        return answer_refuse(&request->answer, PROBLEM_CROSS_SITE, NULL);
    }
    note_mismatch(request, origin);
    snprintf(
        detail, sizeof(detail),
        "The request came from %s, but this service's address is %.64s; if it is wrong, its operator must "
        "correct TESTKASE_PUBLIC_URL.",
        origin, request->loop->server->config->public_url);
    return answer_refuse(&request->answer, PROBLEM_CROSS_SITE, detail);
}
