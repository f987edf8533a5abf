#include "reporter/doctor.h"
#include "common/clock.h"
#include "reporter/answer.h"
#include "reporter/clean.h"
#include "reporter/console.h"
#include "reporter/credential.h"
#include "reporter/trust.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ASK_MS       20000
#define CLOCK_S_MOST 60
#define PATH_SIZE    256

struct doctor {
    const struct options *options;
    struct http *http;
    enum outcome outcome; /* of the first thing that is wrong */
};

/* --- lines --- */

__attribute__((format(printf, 4, 5))) static void
line(struct doctor *doctor, enum outcome outcome, const char *what, const char *form, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, form);
    int length = vsnprintf(text, sizeof(text), form, arguments);
    va_end(arguments);
    char *clean = clean_text(text, length < 0 ? 0 : strlen(text), sizeof(text));
    printf("%-4s %-13s %s\n", outcome == OUTCOME_REPORTED ? "ok" : "FAIL", what, clean);
    free(clean);
    doctor->outcome = doctor->outcome == OUTCOME_REPORTED ? outcome : doctor->outcome;
}

static void
line_of_answer(struct doctor *doctor, const char *what, enum http_outcome outcome,
               const struct http_answer *answer)
{
    char why[600];
    if (outcome != HTTP_ANSWERED) {
        line(doctor, OUTCOME_UNREACHED, what, "%s", answer->error);
        return;
    }
    answer_describe(answer, why, sizeof(why));
    line(doctor, OUTCOME_REFUSED, what, "%s", why);
}

static enum http_outcome
ask(struct doctor *doctor, const char *path, struct http_answer *ret_answer)
{
    const struct http_request request = { .method = "GET", .path = path, .timeout_ms = ASK_MS };
    return http_send(doctor->http, &request, ret_answer);
}

/* --- the checks --- */

/* Names, TLS, proxies: any answer will do. Then the clock, which certificates and expiry depend on. */
static bool
check_connection(struct doctor *doctor)
{
    struct http_answer answer;
    int64_t started = clock_monotonic_ms();
    enum http_outcome outcome = ask(doctor, "/api-keys/current", &answer);
    if (outcome == HTTP_ANSWERED) {
        line(doctor, OUTCOME_REPORTED, "connection", "%s answers in %" PRId64 " ms", doctor->options->url,
             clock_monotonic_ms() - started);
        int64_t ahead = clock_wall_us() / 1000000 - answer.date_s;
        bool is_right = answer.date_s == 0 || (ahead >= -CLOCK_S_MOST && ahead <= CLOCK_S_MOST);
        line(doctor, is_right ? OUTCOME_REPORTED : OUTCOME_PARTIAL, "clock",
             "this machine's clock differs from the server's by %" PRId64 " s", answer.date_s ? ahead : 0);
    } else {
        line_of_answer(doctor, "connection", outcome, &answer);
    }
    http_answer_free(&answer);
    return outcome == HTTP_ANSWERED;
}

static bool
check_token(struct doctor *doctor)
{
    struct http_answer answer;
    enum http_outcome outcome = ask(doctor, "/api-keys/current", &answer);
    struct json_document *document = answer_document(&answer);
    const struct json_value *token = document ? json_root(document) : NULL;
    const char *name = answer_text(token, "name"), *expires = answer_text(token, "expiresAt");
    bool is_good = outcome == HTTP_ANSWERED && answer.status == 200 && name && expires;
    if (is_good) {
        const char *state = answer_text(json_member(token, "rotation"), "state");
        line(doctor, OUTCOME_REPORTED, "token", "\"%s\" expires on %.10s%s", name, expires,
             state && strcmp(state, "none") != 0 ? ", and is due for rotation" : "");
    } else if (outcome == HTTP_ANSWERED && answer.status == 200) {
        line(doctor, OUTCOME_REFUSED, "token", "the answer is none of the service: is the address right?");
    } else {
        line_of_answer(doctor, "token", outcome, &answer);
    }
    json_free(document);
    http_answer_free(&answer);
    return is_good;
}

static void
check_organization(struct doctor *doctor)
{
    struct http_answer answer;
    enum http_outcome outcome = ask(doctor, "/session", &answer);
    struct json_document *document = answer_document(&answer);
    const struct json_value *organization =
        document ? json_member(json_root(document), "organization") : NULL;
    int64_t id = answer_number(organization, "id"), wanted = doctor->options->org_id;
    if (outcome != HTTP_ANSWERED || answer.status != 200) {
        line_of_answer(doctor, "organization", outcome, &answer);
    } else if (wanted && wanted != id) {
        line(doctor, OUTCOME_REFUSED, "organization", "the token belongs to %" PRId64 ", and not to %" PRId64,
             id, wanted);
    } else {
        line(doctor, OUTCOME_REPORTED, "organization", "%" PRId64, id);
    }
    json_free(document);
    http_answer_free(&answer);
}

/* The role in the project on one page of projects; NULL: it is not there. The page ends with the next cursor,
 * "" on the last one. */
static bool
find_project(const struct doctor *doctor, const struct json_value *page, char ret_role[64],
             char ret_cursor[64])
{
    const struct json_value *projects = json_member(page, "data"), *project;
    const char *cursor = answer_text(page, "nextCursor");
    snprintf(ret_cursor, 64, "%s", cursor ? cursor : "");
    for (size_t i = 0; projects && (project = json_at(projects, i, NULL)); i++) {
        const char *id = answer_text(project, "id"), *role = answer_text(project, "role");
        if (id && role && strcmp(id, doctor->options->project_id) == 0) {
            snprintf(ret_role, 64, "%s", role);
            return true;
        }
    }
    return false;
}

static void
check_project(struct doctor *doctor)
{
    char path[PATH_SIZE], cursor[64] = "", role[64] = "";
    bool is_found = false;
    do {
        struct http_answer answer;
        snprintf(path, sizeof(path), "/projects/user-projects?limit=200%s%s", *cursor ? "&cursor=" : "",
                 cursor);
        enum http_outcome outcome = ask(doctor, path, &answer);
        struct json_document *document = answer_document(&answer);
        bool is_good = outcome == HTTP_ANSWERED && answer.status == 200 && document;
        if (is_good) {
            is_found = find_project(doctor, json_root(document), role, cursor);
        } else {
            line_of_answer(doctor, "project", outcome, &answer);
        }
        json_free(document);
        http_answer_free(&answer);
        if (!is_good) {
            return;
        }
    } while (!is_found && *cursor);
    if (!is_found) {
        line(doctor, OUTCOME_REFUSED, "project", "the token's owner has no project %s",
             doctor->options->project_id);
    } else if (strcmp(role, "guest") == 0) {
        line(doctor, OUTCOME_REFUSED, "project", "a guest of %s may not report results",
             doctor->options->project_id);
    } else {
        line(doctor, OUTCOME_REPORTED, "project", "%s, with the role %s", doctor->options->project_id, role);
    }
}

/* Only which file it is: whether it is right, the connection shows, whose failure names the file, too. */
static void
show_trust(struct doctor *doctor)
{
    struct trust trust = trust_find(doctor->options->cacert);
    if (trust.file && strncasecmp(doctor->options->url, "https:", 6) == 0) {
        line(doctor, OUTCOME_REPORTED, "certificates", "%s%s%s%s", trust.file, trust.source ? " (" : "",
             trust.source ? trust.source : "", trust.source ? ")" : "");
    }
}

static void
check_service(struct doctor *doctor)
{
    show_trust(doctor);
    if (!check_connection(doctor) || !check_token(doctor)) {
        return;
    }
    check_organization(doctor);
    if (doctor->options->project_id) {
        check_project(doctor);
    }
}

enum outcome
doctor_run(const struct options *options)
{
    struct doctor doctor = { .options = options };
    struct console console = { .quiet = options->quiet };
    struct interrupt interrupt;
    char error[256], *token = NULL;
    const char *refusal = http_url_refusal(options->url);
    bool has_token = credential_read(options, &token, error, sizeof(error)) == 0;
    bool is_exposed = !refusal && http_url_is_exposed(options->url);
    line(&doctor,
         refusal      ? OUTCOME_MISUSED
         : is_exposed ? OUTCOME_PARTIAL
                      : OUTCOME_REPORTED,
         "address", "%s",
         refusal      ? refusal
         : is_exposed ? "the token goes over http, where others can read it on its way: use https"
                      : options->url);
    if (!has_token) {
        line(&doctor, OUTCOME_MISUSED, "token", "%s", error);
    }
    if (has_token && !refusal) {
        interrupt_begin(&interrupt);
        doctor.http = http_new(options->url, token, options->cacert, &interrupt);
        check_service(&doctor);
        http_free(doctor.http);
        interrupt_end(&interrupt);
    }
    credential_free(token);
    fflush(stdout);
    console_last(&console, "%s (exit status %d)",
                 doctor.outcome == OUTCOME_REPORTED ? "all is well" : "reporting will not work like this",
                 doctor.outcome);
    return doctor.outcome;
}
