#include "server/resources/password_links.h"
#include "common/memory.h"
#include "common/password.h"
#include "common/password_link.h"
#include "server/request/await.h"
#include "server/request/endpoint.h"
#include "server/server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_SIZE 300

/* What a throttled guess is about, in a form that is no account's address: wrong passwords of an account and
 * requests for a new one do not use up each other's budget. */
struct attempt {
    char target[TARGET_SIZE];
    unsigned char digest[SECRET_DIGEST_SIZE];
};

/* True when the client has to wait; the answer is set then. */
static bool
is_throttled(struct request *request, const char *detail)
{
    const struct attempt *attempt = request->handler_data;
    int64_t wait = await_begin_guess(request, GUESS_PASSWORD, attempt->target);
    if (wait > 0) {
        answer_add_headers(&request->answer, "Retry-After: %\r\n", &wait);
        answer_refuse(&request->answer, PROBLEM_RATE_LIMITED, detail);
    }
    return wait > 0;
}

static struct attempt *
begin_attempt(struct request *request)
{
    struct attempt *attempt = memory_new(1, sizeof(*attempt));
    request->handler_data = attempt;
    request->handler_free = free;
    return attempt;
}

/* --- a request --- */

static const struct input request_inputs[] = {
    { "email", INPUT_EMAIL, .required = true },
    { 0 },
};

static request_function noted;

enum step_result
password_links_request(struct request *request)
{
    if (!input_read(request, request_inputs)) {
        return STEP_DONE;
    }
    struct attempt *attempt = begin_attempt(request);
    snprintf(attempt->target, sizeof(attempt->target), "link for %s", input_text(request, "email"));
    if (is_throttled(request, "Too many links were requested; wait before the next one.")) {
        return STEP_DONE;
    }
    outcome_settle_guess(&request->outcome, true); /* each request counts */
    const struct db_named values[] = {
        { "request", DB_TEXT(request->id) },
        { "address", DB_TEXT(request_address(request)) },
        { 0 },
    };
    request_then(request, noted);
    return endpoint_query(request, QUERY_PASSWORD_LINKS_REQUEST, values);
}

static enum step_result
noted(struct request *request)
{
    return endpoint_refused(request, NULL, true) ? STEP_DONE : endpoint_answer_row(request, 202);
}

/* --- its use --- */

static const struct input use_inputs[] = {
    { "secret", INPUT_TEXT, .required = true },
    { "newPassword", INPUT_PASSWORD, .required = true },
    { 0 },
};

static request_function found, hashed, used;

static enum step_result
refuse_field(struct request *request, const char *field, const char *detail)
{
    answer_field_error(&request->answer, field, detail);
    return answer_refuse_fields(&request->answer);
}

static enum step_result
refuse_secret(struct request *request)
{
    return answer_refuse(&request->answer, PROBLEM_NOT_FOUND,
                         "This link is not valid: it was used or replaced by a newer one, or has expired. "
                         "Request another on the sign-in page, or ask an admin for one.");
}

enum step_result
password_links_use(struct request *request)
{
    if (!input_read(request, use_inputs)) {
        return STEP_DONE;
    }
    struct attempt *attempt = begin_attempt(request);
    bool is_formed =
        password_link_digest(input_text(request, "secret"), input_length(request, "secret"), attempt->digest);
    snprintf(attempt->target, sizeof(attempt->target), "link %02x%02x", attempt->digest[0],
             attempt->digest[1]);
    if (is_throttled(request, "Too many links that are not valid; wait before the next try.")) {
        return STEP_DONE;
    }
    if (!is_formed) {
        outcome_settle_guess(&request->outcome, true);
        return refuse_secret(request);
    }
    const struct db_named values[] = {
        { "digest", DB_BINARY((const char *)attempt->digest, sizeof(attempt->digest)) },
        { 0 },
    };
    request_then(request, found);
    return endpoint_query(request, QUERY_PASSWORD_LINKS_FIND, values);
}

static enum step_result
found(struct request *request)
{
    if (endpoint_refused(request, NULL, false)) {
        return STEP_DONE;
    }
    const struct db_result *person = request->outcome.result;
    bool is_right = db_rows(person) > 0;
    const char *refusal =
        is_right ? password_refusal(input_text(request, "newPassword"), input_length(request, "newPassword"),
                                    db_text(person, 0, db_column(person, "email")),
                                    db_text(person, 0, db_column(person, "name")))
                 : NULL;
    outcome_settle_guess(&request->outcome, !is_right);
    if (!is_right) {
        return refuse_secret(request);
    }
    if (refusal) {
        return refuse_field(request, "newPassword", refusal);
    }
    request_then(request, hashed);
    return await_hash(request, input_text(request, "newPassword"), input_length(request, "newPassword"));
}

static enum step_result
hashed(struct request *request)
{
    if (request->outcome.hash->outcome != HASHER_HASHED) {
        return answer_refuse(&request->answer, PROBLEM_INTERNAL, NULL);
    }
    const struct attempt *attempt = request->handler_data;
    const struct db_named values[] = {
        { "digest", DB_BINARY((const char *)attempt->digest, sizeof(attempt->digest)) },
        { "hash", DB_TEXT(request->outcome.hash->encoded) },
        { "request", DB_TEXT(request->id) },
        { "address", DB_TEXT(request_address(request)) },
        { 0 },
    };
    request_then(request, used);
    return endpoint_query(request, QUERY_PASSWORD_LINKS_USE, values);
}

static enum step_result
used(struct request *request)
{
    if (endpoint_refused(request, NULL, false)) {
        return STEP_DONE;
    }
    return db_rows(request->outcome.result) > 0 ? answer_empty(&request->answer, 204)
                                                : refuse_secret(request);
}

/* --- by an admin --- */

static const struct input make_inputs[] = {
    { "deliver", INPUT_CHOICE, .required = true, .choices = "link|mail" },
    { 0 },
};

static const struct refusal make_refusals[] = {
    { "is_service", PROBLEM_CONFLICT, NULL, "A service account has no password; generate a token for it." },
    { "not_active", PROBLEM_CONFLICT, NULL, "The account is deactivated; reactivate it first." },
    { "no_mail", PROBLEM_CONFLICT, NULL,
      "The service sends no mail at present; have the link shown, and pass it on yourself." },
    { "too_many_mails", PROBLEM_CONFLICT, NULL,
      "Three links were mailed to this person within an hour; wait, or have one shown." },
    { "too_many_mails_of_organization", PROBLEM_CONFLICT, NULL,
      "People of this organization were sent 100 mails with links or about them within an hour; wait. A link "
      "of a person without a password can still be shown." },
    { "is_owner", PROBLEM_FORBIDDEN, NULL,
      "A link of the owner's account is shown to nobody; have it mailed, or ask an operator." },
    { "is_oneself", PROBLEM_FORBIDDEN, NULL, "Change your own password by POST /api/v1/account/password." },
    { "is_admin", PROBLEM_FORBIDDEN, NULL,
      "A link of an admin's account is shown to the owner only, and until there is a password to the admin "
      "who made the account; have it mailed." },
    { "was_admin", PROBLEM_FORBIDDEN, NULL,
      "This person was an admin within the last 7 days, so a link is shown to the owner only; have it "
      "mailed." },
    { "by_token", PROBLEM_FORBIDDEN, NULL,
      "A token cannot replace the password of an account; sign in, or have the link mailed." },
    { "recent_sign_in_required", PROBLEM_RECENT_SIGN_IN_REQUIRED, NULL, NULL },
    { 0 },
};

static request_function made;

static void
free_secret(void *secret)
{
    secret_wipe(secret, PASSWORD_LINK_SECRET_SIZE);
    free(secret);
}

static bool
is_shown(const struct request *request)
{
    return strcmp(input_text(request, "deliver"), "link") == 0;
}

enum step_result
password_links_make(struct request *request)
{
    if (!input_read(request, make_inputs)) {
        return STEP_DONE;
    }
    unsigned char digest[SECRET_DIGEST_SIZE];
    request->handler_data = memory_new(1, PASSWORD_LINK_SECRET_SIZE);
    request->handler_free = free_secret;
    password_link_make(request->handler_data, digest);
    const struct db_named values[] = {
        { "digest", is_shown(request) ? DB_BINARY((const char *)digest, sizeof(digest)) : DB_NULL },
        { 0 },
    };
    request_then(request, made);
    return endpoint_query(request, QUERY_PASSWORD_LINKS_MAKE, values);
}

static enum step_result
made(struct request *request)
{
    if (endpoint_refused(request, make_refusals, true)) {
        return STEP_DONE;
    }
    const struct db_result *row = request->outcome.result;
    char link[PASSWORD_LINK_SIZE] = "";
    if (is_shown(request)) {
        password_link_write(request->loop->server->config->public_url, request->handler_data, link);
    }
    struct json_writer *writer = answer_json(&request->answer, 201);
    json_open_object(writer);
    json_text_member(writer, "purpose", db_text(row, 0, db_column(row, "purpose")));
    json_text_member(writer, "expiresAt", db_text(row, 0, db_column(row, "expiresAt")));
    json_text_member(writer, "link", *link ? link : NULL);
    json_text_member(writer, "mailedTo", db_text(row, 0, db_column(row, "mailedTo")));
    json_close_object(writer);
    secret_wipe(link, sizeof(link));
    return STEP_DONE;
}
