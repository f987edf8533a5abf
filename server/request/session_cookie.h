/* The cookie of a session: 256 random bits, of which the database keeps only a digest. */
#ifndef SERVER_REQUEST_SESSION_COOKIE_H
#define SERVER_REQUEST_SESSION_COOKIE_H

#include "common/secret.h"
#include "server/request/request.h"

#define SESSION_COOKIE_SIZE (2 * 32 + 1) /* in hexadecimal digits, with NUL */
#define SESSION_CLIENT_SIZE 201          /* the name of the client that began the session, with NUL */

/* Makes the value of a new cookie, which the caller wipes, and its digest. */
void session_cookie_make(char ret_cookie[SESSION_COOKIE_SIZE], unsigned char ret_digest[SECRET_DIGEST_SIZE]);

/* The digest of the cookie that the request has; false when it has none, or a bearer token as well. */
bool session_cookie_read(const struct request *request, unsigned char ret_digest[SECRET_DIGEST_SIZE]);

/* Adds Set-Cookie to the answer. "" and 0 seconds remove the cookie. */
void session_cookie_set(struct request *request, const char *cookie, int64_t seconds);

#endif
