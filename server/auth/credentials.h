/* The credentials that a request carries: a bearer token, or the cookie of a session. */
#ifndef SERVER_AUTH_CREDENTIALS_H
#define SERVER_AUTH_CREDENTIALS_H

#include "server/http/head.h"
#include <stdbool.h>

#define CREDENTIALS_COOKIE        "testkase_session"
#define CREDENTIALS_COOKIE_SECURE "__Host-testkase_session" /* for a public URL of https */

enum credentials { CREDENTIALS_NONE, CREDENTIALS_BEARER, CREDENTIALS_SESSION };

/* Sets `ret_secret` to the token or to the cookie's value, as they stand in the head: unchecked, and perhaps
 * empty. A bearer token takes precedence over a cookie, even a malformed one; another scheme in Authorization
 * is ignored. `secure`: only the cookie with the __Host- prefix counts. */
enum credentials credentials_read(const struct http_head *head, bool secure, struct http_slice *ret_secret);

#endif
