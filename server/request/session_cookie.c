#include "server/request/session_cookie.h"
#include "server/server.h"
#include <inttypes.h>
#include <stdio.h>

void
session_cookie_make(char ret_cookie[SESSION_COOKIE_SIZE], unsigned char ret_digest[SECRET_DIGEST_SIZE])
{
    unsigned char random[SESSION_COOKIE_SIZE / 2];
    secret_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(ret_cookie + 2 * i, 3, "%02x", random[i]);
    }
    secret_wipe(random, sizeof(random));
    secret_digest(ret_cookie, SESSION_COOKIE_SIZE - 1, NULL, ret_digest);
}

bool
session_cookie_read(const struct request *request, unsigned char ret_digest[SECRET_DIGEST_SIZE])
{
    struct http_slice cookie;
    if (credentials_read(request->head, request->loop->server->secure, &cookie) != CREDENTIALS_SESSION) {
        return false;
    }
    secret_digest(cookie.bytes, cookie.length, NULL, ret_digest);
    return true;
}

void
session_cookie_set(struct request *request, const char *cookie, int64_t seconds)
{
    char field[256];
    bool secure = request->loop->server->secure;
    snprintf(field, sizeof(field), "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%" PRId64 "%s",
             secure ? CREDENTIALS_COOKIE_SECURE : CREDENTIALS_COOKIE, cookie, seconds,
             secure ? "; Secure" : "");
    answer_add_header(&request->answer, "Set-Cookie", field);
    secret_wipe(field, sizeof(field));
}
