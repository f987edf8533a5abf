#include "server/request/failed_sign_in.h"
#include "common/log.h"
#include "server/auth/address_log.h"
#include "server/database/handlers.h"
#include "server/server.h"

void
failed_sign_in_note(struct request *request, enum sign_in_failure reason)
{
    int64_t failures;
    counter_add(&request->loop->metrics.sign_ins_failed[reason], 1);
    if (address_log_is_due(request->loop->server->failed_sign_ins, &request->address, &failures)) {
        log_warning("sign-in failed", log_text("address", request_address(request)),
                    log_text("reason", metrics_sign_in_failures[reason]), log_number("failures", failures),
                    log_text("request", request->id));
    }
}

static void
on_recorded(const struct db_result *result, void *argument)
{
    (void)argument;
    if (db_status(result) == DB_REFUSED) {
        log_warning("query failed", log_text("query", query_texts[QUERY_SESSIONS_REFUSE].name),
                    log_text("sqlstate", db_sqlstate(result)), log_text("reason", db_message(result)));
    }
}

void
failed_sign_in_record(struct request *request, enum sign_in_failure reason, const char *email)
{
    failed_sign_in_note(request, reason);
    const struct db_value values[] = { DB_TEXT(email), DB_TEXT(request->id),
                                       DB_TEXT(request_address(request)) };
    db_call(handlers_background(request->loop->handlers), QUERY_SESSIONS_REFUSE, values, false, on_recorded,
            NULL);
}
