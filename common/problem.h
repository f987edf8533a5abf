/* Problems (RFC 9457): one table of codes with status and title. A problem has a code, a detail, and the
 * fields at fault. */
#ifndef COMMON_PROBLEM_H
#define COMMON_PROBLEM_H

#include "common/json.h"
#include <stddef.h>
#include <stdint.h>

enum problem_code {
    PROBLEM_NONE,                    /* no problem; not valid for the functions below */
    PROBLEM_BAD_REQUEST,             /* 400 the message breaks the rules of HTTP */
    PROBLEM_MALFORMED_JSON,          /* 400 */
    PROBLEM_AUTHENTICATION_REQUIRED, /* 401 no credentials were sent */
    PROBLEM_INVALID_TOKEN,           /* 401 */
    PROBLEM_TOKEN_EXPIRED,           /* 401 only after the secret has been verified */
    PROBLEM_INVALID_CREDENTIALS,     /* 401 e-mail address or password */
    PROBLEM_FORBIDDEN,               /* 403 */
    PROBLEM_CROSS_SITE,              /* 403 an unsafe cookie request that is not same-origin */
    PROBLEM_RECENT_SIGN_IN_REQUIRED, /* 403 the session's password was proven too long ago for this */
    PROBLEM_NOT_FOUND,               /* 404 */
    PROBLEM_METHOD_NOT_ALLOWED,      /* 405 */
    PROBLEM_REQUEST_TIMEOUT,         /* 408 */
    PROBLEM_CONFLICT,                /* 409 */
    PROBLEM_API_KEY_ENDED,           /* 409 a token that has ended gets no successor */
    PROBLEM_SUCCESSOR_EXISTS,        /* 409 names the live successor */
    PROBLEM_IDEMPOTENCY_KEY_USED,    /* 409 names the token that the earlier request made */
    PROBLEM_PAYLOAD_TOO_LARGE,       /* 413 */
    PROBLEM_URI_TOO_LONG,            /* 414 */
    PROBLEM_UNSUPPORTED_MEDIA_TYPE,  /* 415 */
    PROBLEM_EXPECTATION_FAILED,      /* 417 */
    PROBLEM_VALIDATION_FAILED,       /* 422 names each field */
    PROBLEM_RATE_LIMITED,            /* 429 */
    PROBLEM_HEADERS_TOO_LARGE,       /* 431 */
    PROBLEM_INTERNAL,                /* 500 */
    PROBLEM_UNAVAILABLE,             /* 503 PostgreSQL or argon2 is not available; needs Retry-After */
    PROBLEM_VERSION_NOT_SUPPORTED,   /* 505 */
    PROBLEM_COUNT
};

#define PROBLEM_ERRORS_MAX        8
#define PROBLEM_ERROR_DETAIL_SIZE 320 /* room for the longest list of words, the events of webhooks */

struct problem {
    enum problem_code code;
    char detail[256];
    int64_t api_key_id; /* the token in the way; 0: none */
    size_t error_count;
    struct problem_error {
        char field[64];
        char detail[PROBLEM_ERROR_DETAIL_SIZE];
    } errors[PROBLEM_ERRORS_MAX];
};

/* Sets a problem; `detail` is a sentence that says what to do next, or NULL for the code's usual one. Text
 * that is too long is cut between two characters. */
void problem_set(struct problem *problem, enum problem_code code, const char *detail);

/* Adds a field at fault; ignored after PROBLEM_ERRORS_MAX fields. */
void problem_add_error(struct problem *problem, const char *field, const char *detail);

int problem_status(enum problem_code code);

/* Writes the whole application/problem+json document: type, title, status, detail, code, and if there are
 * any, apiKeyId and errors. */
void problem_write(const struct problem *problem, struct json_writer *writer);

#endif
