#include "server/routes.h"
#include "common/json.h"
#include "server/metrics.h"
#include "server/request/endpoint.h"
#include "server/resources/account.h"
#include "server/resources/activity.h"
#include "server/resources/api_keys.h"
#include "server/resources/audit_events.h"
#include "server/resources/calendar.h"
#include "server/resources/custodians.h"
#include "server/resources/events.h"
#include "server/resources/exposition.h"
#include "server/resources/hygiene.h"
#include "server/resources/introspection.h"
#include "server/resources/leaks.h"
#include "server/resources/mail.h"
#include "server/resources/members.h"
#include "server/resources/new_api_key.h"
#include "server/resources/ops.h"
#include "server/resources/organization.h"
#include "server/resources/pages.h"
#include "server/resources/password_links.h"
#include "server/resources/projects.h"
#include "server/resources/reminders.h"
#include "server/resources/results.h"
#include "server/resources/session.h"
#include "server/resources/test_cases.h"
#include "server/resources/test_cycles.h"
#include "server/resources/users.h"
#include "server/resources/verify.h"
#include "server/resources/webhooks.h"

/* Enough for every call so far; a call that takes more names its own bound. */
#define BODY_JSON    ((size_t)16 * 1024)
#define BODY_RESULTS ((size_t)16 * 1024 * 1024)

/* clang-format off */
const struct route routes[] = {
    { HTTP_GET,    "/healthz",                         ROUTE_ANYONE,    0,         .handle = ops_health, .without_host = true },
    { HTTP_GET,    "/readyz",                          ROUTE_ANYONE,    0,         .handle = ops_ready, .without_host = true },
    { HTTP_GET,    "/metrics",                         ROUTE_ANYONE,    0,         .handle = exposition_get },

    { HTTP_GET,    "/",                                ROUTE_ANYONE,    0,         .handle = pages_index },
    { HTTP_GET,    "/sign-in",                         ROUTE_ANYONE,    0,         .handle = pages_index },
    { HTTP_GET,    "/account",                         ROUTE_ANYONE,    0,         .handle = pages_index },
    { HTTP_GET,    "/set-password",                    ROUTE_ANYONE,    0,         .handle = pages_index },
    { HTTP_GET,    "/settings/{rest}",                 ROUTE_ANYONE,    0,         .handle = pages_index },
    { HTTP_GET,    "/test-cases",                      ROUTE_ANYONE,    0,         .handle = pages_index },
    { HTTP_GET,    "/test-cases/{rest}",               ROUTE_ANYONE,    0,         .handle = pages_index },
    { HTTP_GET,    "/test-cycles",                     ROUTE_ANYONE,    0,         .handle = pages_index },
    { HTTP_GET,    "/test-cycles/{rest}",              ROUTE_ANYONE,    0,         .handle = pages_index },
    { HTTP_GET,    "/docs",                            ROUTE_ANYONE,    0,         .handle = pages_docs },
    { HTTP_GET,    "/openapi.json",                    ROUTE_ANYONE,    0,         .handle = pages_openapi },
    { HTTP_GET,    "/assets/{rest}",                   ROUTE_ANYONE,    0,         .handle = pages_asset },

    { HTTP_GET,    "/api/v1/session",                  ROUTE_CALLER,    0,         .handle = session_get },
    { HTTP_POST,   "/api/v1/session",                  ROUTE_ANYONE,    BODY_JSON, .handle = session_create },
    { HTTP_DELETE, "/api/v1/session",                  ROUTE_CALLER,    0,         .handle = session_delete },
    { HTTP_POST,   "/api/v1/session/confirm",          ROUTE_CALLER,    BODY_JSON, .handle = session_confirm },

    { HTTP_POST,   "/api/v1/password-resets",          ROUTE_ANYONE,    BODY_JSON, .handle = password_links_request },
    { HTTP_POST,   "/api/v1/password-resets/confirm",  ROUTE_ANYONE,    BODY_JSON, .handle = password_links_use },

    { HTTP_POST,   "/api/v1/account/password",         ROUTE_CALLER,    BODY_JSON, .handle = account_change_password },
    { HTTP_GET,    "/api/v1/account/sessions",         ROUTE_CALLER,    0,         .endpoint = &account_sessions },
    { HTTP_DELETE, "/api/v1/account/sessions",         ROUTE_CALLER,    0,         .endpoint = &account_end_sessions },
    { HTTP_DELETE, "/api/v1/account/sessions/{id}",    ROUTE_CALLER,    0,         .endpoint = &account_end_session },

    { HTTP_GET,    "/api/v1/account/mail",             ROUTE_CALLER,    0,         .endpoint = &mail_get_wishes },
    { HTTP_PATCH,  "/api/v1/account/mail",             ROUTE_CALLER,    BODY_JSON, .endpoint = &mail_set_wishes },
    { HTTP_POST,   "/api/v1/mail/unsubscribe/{secret}", ROUTE_ANYONE,    0,         .handle = mail_unsubscribe },

    { HTTP_GET,    "/api/v1/organization",             ROUTE_CALLER,    0,         .endpoint = &organization_get },
    { HTTP_PATCH,  "/api/v1/organization",             ROUTE_ORG_ADMIN, BODY_JSON, .endpoint = &organization_update },

    { HTTP_GET,    "/api/v1/api-keys",                 ROUTE_CALLER,    0,         .endpoint = &api_keys_list },
    { HTTP_POST,   "/api/v1/api-keys",                 ROUTE_CALLER,    BODY_JSON, .handle = new_api_key_create },
    { HTTP_DELETE, "/api/v1/api-keys",                 ROUTE_CALLER,    BODY_JSON, .handle = api_keys_delete_all },
    { HTTP_GET,    "/api/v1/api-keys/current",         ROUTE_CALLER,    0,         .handle = api_keys_get_current },
    { HTTP_DELETE, "/api/v1/api-keys/current",         ROUTE_CALLER,    BODY_JSON, .handle = api_keys_delete_current,
      .body_optional = true },
    { HTTP_POST,   "/api/v1/api-keys/current/rotate",  ROUTE_CALLER,    0,         .handle = new_api_key_rotate_current },
    { HTTP_GET,    "/api/v1/api-keys/hygiene",         ROUTE_CALLER,    0,         .endpoint = &hygiene_list },
    { HTTP_POST,   "/api/v1/api-keys/hygiene/{finding}/dismiss", ROUTE_CALLER,    0,         .handle = hygiene_dismiss },
    { HTTP_POST,   "/api/v1/api-keys/report-leak",     ROUTE_ANYONE,    BODY_JSON, .handle = leaks_report },
    { HTTP_GET,    "/api/v1/api-keys/{id}",            ROUTE_CALLER,    0,         .endpoint = &api_keys_get },
    { HTTP_DELETE, "/api/v1/api-keys/{id}",            ROUTE_CALLER,    BODY_JSON, .endpoint = &api_keys_delete,
      .body_optional = true },
    { HTTP_POST,   "/api/v1/api-keys/{id}/rotate",     ROUTE_CALLER,    0,         .handle = new_api_key_rotate },
    { HTTP_GET,    "/api/v1/api-keys/{id}/rotation",   ROUTE_CALLER,    0,         .endpoint = &api_keys_rotation },
    { HTTP_GET,    "/api/v1/api-keys/{id}/impact",     ROUTE_CALLER,    0,         .endpoint = &api_keys_impact },
    { HTTP_GET,    "/api/v1/api-keys/{id}/history",    ROUTE_CALLER,    0,         .endpoint = &api_keys_history },
    { HTTP_GET,    "/api/v1/api-keys/{id}/activity",   ROUTE_CALLER,    0,         .endpoint = &activity_list },

    { HTTP_GET,    "/api/v1/reminders",                ROUTE_CALLER,    0,         .endpoint = &reminders_list },
    { HTTP_POST,   "/api/v1/reminders/{id}/acknowledge", ROUTE_CALLER,    0,         .endpoint = &reminders_acknowledge },

    { HTTP_GET,    "/api/v1/events",                   ROUTE_CALLER,    0,         .handle = events_get },

    { HTTP_GET,    "/api/v1/calendar",                 ROUTE_CALLER,    0,         .endpoint = &calendar_get },
    { HTTP_POST,   "/api/v1/calendar",                 ROUTE_CALLER,    0,         .handle = calendar_create },
    { HTTP_DELETE, "/api/v1/calendar",                 ROUTE_CALLER,    0,         .endpoint = &calendar_delete },
    { HTTP_GET,    "/api/v1/calendar/{secret}",        ROUTE_ANYONE,    0,         .handle = calendar_feed },

    { HTTP_ANY,    "/api/v1/auth/verify",              ROUTE_CALLER,    0,         .handle = verify },
    { HTTP_ANY,    "/api/v1/auth/verify/{rest}",       ROUTE_CALLER,    0,         .handle = verify },
    { HTTP_POST,   "/api/v1/auth/introspect",          ROUTE_CALLER,    BODY_JSON, .handle = introspection_post,
      .body_form = true },

    { HTTP_POST,   "/api/v1/projects",                 ROUTE_ORG_ADMIN, BODY_JSON, .endpoint = &projects_create },
    { HTTP_GET,    "/api/v1/projects/user-projects",   ROUTE_CALLER,    0,         .handle = projects_list },
    { HTTP_PATCH,  "/api/v1/projects/{project}",       ROUTE_PROJECT_ADMIN, BODY_JSON, .endpoint = &projects_update },
    { HTTP_GET,    "/api/v1/projects/{project}/members", ROUTE_PROJECT_USER, 0,         .endpoint = &members_list },
    { HTTP_PUT,    "/api/v1/projects/{project}/members/{user}", ROUTE_PROJECT_ADMIN, BODY_JSON, .endpoint = &members_set },
    { HTTP_DELETE, "/api/v1/projects/{project}/members/{user}", ROUTE_PROJECT_ADMIN, 0,         .endpoint = &members_remove },

    { HTTP_GET,    "/api/v1/test-cases",               ROUTE_PROJECT_GUEST, 0,         .endpoint = &test_cases_list },
    { HTTP_POST,   "/api/v1/test-cases",               ROUTE_PROJECT_USER, BODY_JSON, .endpoint = &test_cases_create },
    { HTTP_GET,    "/api/v1/test-cases/{case}",        ROUTE_PROJECT_GUEST, 0,         .endpoint = &test_cases_get },
    { HTTP_PATCH,  "/api/v1/test-cases/{case}",        ROUTE_PROJECT_USER, BODY_JSON, .endpoint = &test_cases_update },
    { HTTP_DELETE, "/api/v1/test-cases/{case}",        ROUTE_PROJECT_USER, 0,         .endpoint = &test_cases_archive },
    { HTTP_GET,    "/api/v1/test-cases/{case}/history", ROUTE_PROJECT_GUEST, 0,         .endpoint = &test_cases_history },

    { HTTP_GET,    "/api/v1/test-cycles",              ROUTE_PROJECT_GUEST, 0,         .endpoint = &test_cycles_list },
    { HTTP_POST,   "/api/v1/test-cycles",              ROUTE_PROJECT_USER, BODY_JSON, .endpoint = &test_cycles_create },
    { HTTP_GET,    "/api/v1/test-cycles/{cycle}",      ROUTE_PROJECT_GUEST, 0,         .endpoint = &test_cycles_get },
    { HTTP_PATCH,  "/api/v1/test-cycles/{cycle}",      ROUTE_PROJECT_USER, BODY_JSON, .endpoint = &test_cycles_update },
    { HTTP_DELETE, "/api/v1/test-cycles/{cycle}",      ROUTE_PROJECT_USER, 0,         .endpoint = &test_cycles_archive },
    { HTTP_GET,    "/api/v1/test-cycles/{cycle}/executions", ROUTE_PROJECT_GUEST, 0, .endpoint = &test_cycles_executions },
    { HTTP_GET,    "/api/v1/test-cycles/{cycle}/runs", ROUTE_PROJECT_GUEST, 0,         .endpoint = &test_cycles_runs },

    { HTTP_POST,   "/api/v1/automation/results",       ROUTE_CALLER,    BODY_RESULTS, .handle = results_report,
      .body_raw = true },

    { HTTP_GET,    "/api/v1/users",                    ROUTE_ORG_ADMIN, 0,         .endpoint = &users_list },
    { HTTP_POST,   "/api/v1/users",                    ROUTE_ORG_ADMIN, BODY_JSON, .handle = users_create },
    { HTTP_GET,    "/api/v1/users/{id}",               ROUTE_ORG_ADMIN, 0,         .endpoint = &users_get },
    { HTTP_PATCH,  "/api/v1/users/{id}",               ROUTE_ORG_ADMIN, BODY_JSON, .endpoint = &users_update },
    { HTTP_DELETE, "/api/v1/users/{id}",               ROUTE_ORG_ADMIN, 0,         .endpoint = &users_delete },
    { HTTP_POST,   "/api/v1/users/{id}/password-link", ROUTE_ORG_ADMIN, BODY_JSON, .handle = password_links_make },
    { HTTP_GET,    "/api/v1/users/{id}/api-keys",      ROUTE_ORG_ADMIN, 0,         .endpoint = &api_keys_list_of_user },
    { HTTP_POST,   "/api/v1/users/{id}/api-keys",      ROUTE_ORG_ADMIN, BODY_JSON, .handle = new_api_key_create_for_service },
    { HTTP_GET,    "/api/v1/users/{id}/api-keys/{key}", ROUTE_ORG_ADMIN, 0,         .handle = api_keys_get_of_user },
    { HTTP_DELETE, "/api/v1/users/{id}/api-keys/{key}", ROUTE_ORG_ADMIN, BODY_JSON, .handle = api_keys_delete_of_user,
      .body_optional = true },
    { HTTP_GET,    "/api/v1/users/{id}/custodians",    ROUTE_ORG_ADMIN, 0,         .endpoint = &custodians_list },
    { HTTP_PUT,    "/api/v1/users/{id}/custodians/{user}", ROUTE_ORG_ADMIN, 0,         .endpoint = &custodians_set },
    { HTTP_DELETE, "/api/v1/users/{id}/custodians/{user}", ROUTE_ORG_ADMIN, 0,         .endpoint = &custodians_remove },

    { HTTP_GET,    "/api/v1/audit-events",             ROUTE_ORG_ADMIN, 0,         .endpoint = &audit_events_list },

    { HTTP_GET,    "/api/v1/webhooks",                 ROUTE_ORG_ADMIN, 0,         .endpoint = &webhooks_list },
    { HTTP_POST,   "/api/v1/webhooks",                 ROUTE_ORG_ADMIN, BODY_JSON, .handle = webhooks_create },
    { HTTP_GET,    "/api/v1/webhooks/{id}",            ROUTE_ORG_ADMIN, 0,         .endpoint = &webhooks_get },
    { HTTP_PATCH,  "/api/v1/webhooks/{id}",            ROUTE_ORG_ADMIN, BODY_JSON, .handle = webhooks_update },
    { HTTP_DELETE, "/api/v1/webhooks/{id}",            ROUTE_ORG_ADMIN, 0,         .endpoint = &webhooks_delete },
    { HTTP_POST,   "/api/v1/webhooks/{id}/rotate-secret", ROUTE_ORG_ADMIN, BODY_JSON, .handle = webhooks_rotate_secret,
      .body_optional = true },
    { HTTP_POST,   "/api/v1/webhooks/{id}/test",       ROUTE_ORG_ADMIN, 0,         .endpoint = &webhooks_test },
    { HTTP_GET,    "/api/v1/webhooks/{id}/deliveries", ROUTE_ORG_ADMIN, 0,         .endpoint = &webhooks_deliveries },
    { HTTP_POST,   "/api/v1/webhooks/{id}/deliveries/{delivery}/redeliver", ROUTE_ORG_ADMIN, 0,
      .endpoint = &webhooks_redeliver },
};
/* clang-format on */

const struct route routes_missing = { HTTP_GET, "missing", ROUTE_ANYONE, 0, .handle = pages_missing };

const size_t routes_count = sizeof(routes) / sizeof(routes[0]);

_Static_assert(sizeof(routes) / sizeof(routes[0]) < METRICS_ROUTES,
               "metrics need a row for every route, and one for requests without a route");

static void
write_inputs(struct json_writer *writer, const struct input *inputs, bool in_query)
{
    json_key(writer, in_query ? "query" : "body");
    json_open_array(writer);
    for (; inputs && inputs->name; inputs++) {
        if (inputs->in_query == in_query) {
            json_put_text(writer, inputs->name);
        }
    }
    json_close_array(writer);
}

static void
write_endpoint(struct json_writer *writer, const struct endpoint *endpoint)
{
    json_text_member(writer, "statement", query_texts[endpoint->query].name);
    json_text_member(writer, "answer", endpoint_answer_name(endpoint->answer));
    write_inputs(writer, endpoint->inputs, false);
    write_inputs(writer, endpoint->inputs, true);
}

void
routes_write(struct json_writer *writer)
{
    json_open_array(writer);
    for (size_t i = 0; i < routes_count; i++) {
        const struct route *route = &routes[i];
        json_open_object(writer);
        json_text_member(writer, "method", http_method_name(route->method));
        json_text_member(writer, "path", route->pattern);
        json_text_member(writer, "access", route_access_name(route->access));
        json_integer_member(writer, "bodyMax", (int64_t)route->body_max);
        if (route->endpoint) {
            write_endpoint(writer, route->endpoint);
        }
        json_close_object(writer);
    }
    json_close_array(writer);
}
