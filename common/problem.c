#include "common/problem.h"
#include <stdio.h>
#include <string.h>

static const struct {
    int status;
    const char *name;
    const char *title;
    const char *detail;
} problems[PROBLEM_COUNT] = {
    [PROBLEM_BAD_REQUEST] = { 400, "bad_request", "Bad request",
                              "The server cannot read the request; check how it was sent." },
    [PROBLEM_MALFORMED_JSON] = { 400, "malformed_json", "Malformed JSON",
                                 "The body is not valid JSON; check its syntax." },
    [PROBLEM_AUTHENTICATION_REQUIRED] = { 401, "authentication_required", "Authentication required",
                                          "Send a token as \"Authorization: Bearer ...\", or sign in." },
    [PROBLEM_INVALID_TOKEN] = { 401, "invalid_token", "Invalid token",
                                "The token is not valid; generate a new one under Settings, API Keys." },
    [PROBLEM_TOKEN_EXPIRED] = { 401, "token_expired", "Token expired",
                                "The token has expired; generate a new one under Settings, API Keys." },
    [PROBLEM_INVALID_CREDENTIALS] = { 401, "invalid_credentials", "Sign-in failed",
                                      "The e-mail address or the password is wrong; check both." },
    [PROBLEM_FORBIDDEN] = { 403, "forbidden", "Forbidden",
                            "The account's role does not allow this; ask an admin." },
    [PROBLEM_CROSS_SITE] = { 403, "cross_site", "Cross-site request refused",
                             "A request with a session must come from this service's own pages; use a token "
                             "instead." },
    [PROBLEM_RECENT_SIGN_IN_REQUIRED] = { 403, "recent_sign_in_required", "Recent sign-in required",
                                          "The password was last entered more than 15 minutes ago; confirm "
                                          "it by POST /api/v1/session/confirm, then try again." },
    [PROBLEM_NOT_FOUND] = { 404, "not_found", "Not found",
                            "Nothing was found here; check the path and the id." },
    [PROBLEM_METHOD_NOT_ALLOWED] = { 405, "method_not_allowed", "Method not allowed",
                                     "Use one of the methods in the Allow field." },
    [PROBLEM_REQUEST_TIMEOUT] = { 408, "request_timeout", "Request timeout",
                                  "The request did not arrive in time; send it again." },
    [PROBLEM_CONFLICT] = { 409, "conflict", "Conflict",
                           "The request conflicts with the current state; reload and try again." },
    [PROBLEM_API_KEY_ENDED] = { 409, "api_key_ended", "Token has ended",
                                "The token has ended and gets no successor; generate a new one." },
    [PROBLEM_SUCCESSOR_EXISTS] = { 409, "successor_exists", "Successor exists",
                                   "The token has a successor that is valid; use that one, or delete it and "
                                   "rotate "
                                   "again." },
    [PROBLEM_IDEMPOTENCY_KEY_USED] = { 409, "idempotency_key_used", "Idempotency-Key was used before",
                                       "An earlier request with this Idempotency-Key made a token, which "
                                       "cannot be "
                                       "shown again; delete it and use a new key." },
    [PROBLEM_PAYLOAD_TOO_LARGE] = { 413, "payload_too_large", "Payload too large",
                                    "The body is too large; send less." },
    [PROBLEM_URI_TOO_LONG] = { 414, "uri_too_long", "URI too long",
                               "The request target may be at most 8 KiB long." },
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = { 415, "unsupported_media_type", "Unsupported media type",
                                         "Send the body as \"Content-Type: application/json\"." },
    [PROBLEM_EXPECTATION_FAILED] = { 417, "expectation_failed", "Expectation failed",
                                     "Only \"Expect: 100-continue\" is supported; leave the field out." },
    [PROBLEM_VALIDATION_FAILED] = { 422, "validation_failed", "Validation failed",
                                    "Correct the fields named in \"errors\" and send the request again." },
    [PROBLEM_RATE_LIMITED] = { 429, "rate_limited", "Too many requests",
                               "Wait for the number of seconds in Retry-After, then try again." },
    [PROBLEM_HEADERS_TOO_LARGE] = { 431, "headers_too_large", "Header fields too large",
                                    "A request may have at most 100 header fields, of 16 KiB together." },
    [PROBLEM_INTERNAL] = { 500, "internal", "Internal error",
                           "The service failed; report this answer's X-Request-Id to its operator." },
    [PROBLEM_UNAVAILABLE] = { 503, "unavailable", "Temporarily unavailable",
                              "The service is temporarily unavailable; try again after the seconds in "
                              "Retry-After." },
    [PROBLEM_VERSION_NOT_SUPPORTED] = { 505, "version_not_supported", "HTTP version not supported",
                                        "Use HTTP/1.1 or HTTP/1.0." },
};

/* Copies as many whole characters as fit. */
static void
copy_text(char *to, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size) {
        length = size - 1;
        while (length > 0 && (text[length] & 0xC0) == 0x80) {
            length--;
        }
    }
    memcpy(to, text, length);
    to[length] = '\0';
}

void
problem_set(struct problem *problem, enum problem_code code, const char *detail)
{
    problem->code = code;
    problem->api_key_id = 0;
    problem->error_count = 0;
    copy_text(problem->detail, sizeof(problem->detail), detail ? detail : problems[code].detail);
}

void
problem_add_error(struct problem *problem, const char *field, const char *detail)
{
    if (problem->error_count == PROBLEM_ERRORS_MAX) {
        return;
    }
    struct problem_error *error = &problem->errors[problem->error_count++];
    copy_text(error->field, sizeof(error->field), field);
    copy_text(error->detail, sizeof(error->detail), detail);
}

int
problem_status(enum problem_code code)
{
    return problems[code].status;
}

static void
write_errors(const struct problem *problem, struct json_writer *writer)
{
    json_key(writer, "errors");
    json_open_array(writer);
    for (size_t i = 0; i < problem->error_count; i++) {
        json_open_object(writer);
        json_text_member(writer, "field", problem->errors[i].field);
        json_text_member(writer, "detail", problem->errors[i].detail);
        json_close_object(writer);
    }
    json_close_array(writer);
}

void
problem_write(const struct problem *problem, struct json_writer *writer)
{
    char type[64];
    snprintf(type, sizeof(type), "/problems/%s", problems[problem->code].name);
    json_open_object(writer);
    json_text_member(writer, "type", type);
    json_text_member(writer, "title", problems[problem->code].title);
    json_integer_member(writer, "status", problems[problem->code].status);
    json_text_member(writer, "detail", problem->detail);
    json_text_member(writer, "code", problems[problem->code].name);
    if (problem->api_key_id) {
        json_integer_member(writer, "apiKeyId", problem->api_key_id);
    }
    if (problem->error_count > 0) {
        write_errors(problem, writer);
    }
    json_close_object(writer);
}
