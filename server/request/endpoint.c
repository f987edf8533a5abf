#include "server/request/endpoint.h"
#include "common/log.h"
#include "server/request/await.h"
#include "server/request/page.h"
#include "server/request/row.h"
#include <string.h>

/* --- parameters by name --- */

static struct db_value
number_or_null(int64_t number)
{
    return number ? DB_INT64(number) : DB_NULL;
}

static struct db_value
bind_organization(struct request *request)
{
    return DB_INT64(request->auth.caller->organization_id);
}

static struct db_value
bind_caller(struct request *request)
{
    return DB_INT64(request->auth.caller->user_id);
}

static struct db_value
bind_token(struct request *request)
{
    return number_or_null(request->auth.caller->token_id);
}

static struct db_value
bind_session(struct request *request)
{
    return number_or_null(request->auth.caller->session_id);
}

static struct db_value
bind_limit(struct request *request)
{
    return DB_INT64(request->page.limit + 1);
}

static struct db_value
bind_cursor(struct request *request)
{
    return number_or_null(request->page.cursor);
}

static struct db_value
bind_cursor_key(struct request *request)
{
    return request->page.cursor ? DB_INT64(request->page.key) : DB_NULL;
}

static struct db_value
bind_least_role(struct request *request)
{
    return DB_TEXT(route_least_role(request->route));
}

/* The names that every statement may use. "actor" is one, too; endpoint_query() binds it, because its text
 * needs a buffer. */
static const struct {
    const char *name;
    struct db_value (*bind)(struct request *request);
} reserved[] = {
    { "organization", bind_organization }, { "caller", bind_caller },         { "token", bind_token },
    { "session", bind_session },           { "limit", bind_limit },           { "cursor", bind_cursor },
    { "least_role", bind_least_role },     { "cursor_key", bind_cursor_key },
};

static bool
bind_reserved(struct request *request, const char *name, struct db_value *ret_value)
{
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (strcmp(reserved[i].name, name) == 0) {
            *ret_value = reserved[i].bind(request);
            return true;
        }
    }
    return false;
}

static bool
bind_path(const struct request *request, const char *name, struct db_value *ret_value)
{
    const struct route_value *value = route_values_find(&request->path, name);
    if (value) {
        *ret_value = DB_INT64(value->number);
    }
    return value != NULL;
}

enum step_result
endpoint_query(struct request *request, enum query query, const struct db_named *values)
{
    const struct query_text *text = &query_texts[query];
    struct db_value bound[DB_PARAMETERS_MAX];
    char actor[REQUEST_ACTOR_SIZE];
    for (int i = 0; i < text->parameters; i++) {
        const char *name = text->names[i];
        if (strcmp(name, "actor") == 0) {
            request_actor(request, actor);
            bound[i] = DB_TEXT(actor);
        } else if (!db_named_find(values, name, &bound[i]) && !bind_reserved(request, name, &bound[i]) &&
                   !bind_path(request, name, &bound[i]) && !input_value(request, name, &bound[i])) {
            log_error("a parameter has no value to bind", log_text("query", text->name),
                      log_text("parameter", name));
            return answer_refuse(&request->answer, PROBLEM_INTERNAL, NULL);
        }
    }
    return await_query(request, query, bound);
}

/* --- outcomes --- */

static const struct refusal usual_refusals[] = {
    { "not_found", PROBLEM_NOT_FOUND, NULL, NULL },
    { "forbidden", PROBLEM_FORBIDDEN, NULL,
      "Your role in this project does not allow this; ask an admin of the project." },
    { "actor_gone", PROBLEM_INVALID_TOKEN, NULL,
      "The token or the session ended while the request was under way; nothing was changed." },
    { "actor_expired", PROBLEM_TOKEN_EXPIRED, NULL,
      "The token expired while the request was under way; nothing was changed." },
    { "actor_lacks_role", PROBLEM_FORBIDDEN, NULL,
      "Only the organization's owner and admins may do this; ask one of them." },
    { 0 },
};

static bool
refuse_outcome(struct request *request, const struct refusal *refusals, const char *outcome)
{
    for (; refusals && refusals->outcome; refusals++) {
        if (strcmp(refusals->outcome, outcome) != 0) {
            continue;
        }
        if (refusals->field) {
            answer_field_error(&request->answer, refusals->field, refusals->detail);
            answer_refuse_fields(&request->answer);
        } else if (problem_status(refusals->code) == 401) {
            answer_challenge(&request->answer, refusals->code, refusals->detail);
        } else {
            answer_refuse(&request->answer, refusals->code, refusals->detail);
        }
        return true;
    }
    return false;
}

/* A violated constraint that the table lists is a refusal like any other. */
static bool
refused_by_constraint(struct request *request, const struct refusal *refusals)
{
    const struct db_result *result = request->outcome.result;
    return db_status(result) == DB_REFUSED && *db_constraint(result) &&
           refuse_outcome(request, refusals, db_constraint(result));
}

bool
endpoint_refused(struct request *request, const struct refusal *refusals, bool needs_row)
{
    const struct db_result *result = request->outcome.result;
    if (refused_by_constraint(request, refusals) || await_failed(request, NULL)) {
        return true;
    }
    if (db_rows(result) == 0) {
        if (needs_row) {
            answer_refuse(&request->answer, PROBLEM_NOT_FOUND, NULL);
        }
        return needs_row;
    }
    int column = db_column(result, "outcome");
    const char *outcome = column >= 0 ? db_text(result, 0, column) : NULL;
    return outcome &&
           (refuse_outcome(request, refusals, outcome) || refuse_outcome(request, usual_refusals, outcome));
}

/* --- the whole call --- */

enum step_result
endpoint_answer_row(struct request *request, int status)
{
    struct row_shape shape;
    row_shape_read(&shape, request->outcome.result);
    row_write(answer_json(&request->answer, status), &shape, 0);
    return STEP_DONE;
}

static enum step_result
answer_outcome(struct request *request)
{
    const struct endpoint *endpoint = request->route->endpoint;
    if (endpoint_refused(request, endpoint->refusals, endpoint->answer != ENDPOINT_PAGE)) {
        return STEP_DONE;
    }
    switch (endpoint->answer) {
    case ENDPOINT_ROW:
        return endpoint_answer_row(request, 200);
    case ENDPOINT_CREATED:
        return endpoint_answer_row(request, 201);
    case ENDPOINT_EMPTY:
        return answer_empty(&request->answer, 204);
    default:
        return page_answer(request);
    }
}

static bool
is_page(const struct endpoint *endpoint)
{
    return endpoint->answer == ENDPOINT_PAGE || endpoint->answer == ENDPOINT_SUBPAGE;
}

static bool
takes(enum query query, const char *name)
{
    const struct query_text *text = &query_texts[query];
    for (int i = 0; i < text->parameters; i++) {
        if (strcmp(text->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

enum step_result
endpoint_handle(struct request *request)
{
    static const struct input none[] = { { 0 } };
    const struct endpoint *endpoint = request->route->endpoint;
    if (!input_read(request, endpoint->inputs ? endpoint->inputs : none) ||
        (is_page(endpoint) && !page_read(request, takes(endpoint->query, "cursor_key")))) {
        return STEP_DONE;
    }
    request_then(request, answer_outcome);
    return endpoint_query(request, endpoint->query, endpoint->constants);
}

/* --- for tests and --routes --- */

const char *
endpoint_answer_name(enum endpoint_answer answer)
{
    static const char *const names[] = { [ENDPOINT_PAGE] = "page",
                                         [ENDPOINT_SUBPAGE] = "subpage",
                                         [ENDPOINT_ROW] = "row",
                                         [ENDPOINT_CREATED] = "created",
                                         [ENDPOINT_EMPTY] = "empty" };
    return names[answer];
}

static bool
is_reserved(const struct endpoint *endpoint, const char *name)
{
    if (strcmp(name, "actor") == 0) {
        return true;
    }
    if (!is_page(endpoint) && (strcmp(name, "limit") == 0 || strncmp(name, "cursor", 6) == 0)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (strcmp(reserved[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_placeholder(const char *pattern, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strchr(pattern, '{'); at; at = strchr(at + 1, '{')) {
        if (strncmp(at + 1, name, length) == 0 && at[1 + length] == '}') {
            return true;
        }
    }
    return false;
}

static bool
is_input(const struct input *inputs, const char *name)
{
    for (; inputs && inputs->name; inputs++) {
        if (input_gives(inputs, name)) {
            return true;
        }
    }
    return false;
}

const char *
endpoint_unbound(const struct route *route)
{
    const struct endpoint *endpoint = route->endpoint;
    const struct query_text *text = &query_texts[endpoint->query];
    for (int i = 0; i < text->parameters; i++) {
        struct db_value constant;
        if (!db_named_find(endpoint->constants, text->names[i], &constant) &&
            !is_reserved(endpoint, text->names[i]) && !is_placeholder(route->pattern, text->names[i]) &&
            !is_input(endpoint->inputs, text->names[i])) {
            return text->names[i];
        }
    }
    return NULL;
}
